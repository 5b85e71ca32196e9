CREATE SCHEMA "records";
--> statement-breakpoint
CREATE TABLE "records"."call_versions" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"call_sid" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"source" text NOT NULL,
	"changes" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "records"."calls" (
	"sid" text PRIMARY KEY NOT NULL,
	"account_sid" text NOT NULL,
	"parent_call_sid" text,
	"direction" text NOT NULL,
	"caller" text NOT NULL,
	"called" text NOT NULL,
	"application_sid" text,
	"trunk_sid" text,
	"forwarded_from" text,
	"answered_by" text,
	"status" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"start_time" timestamp (3) with time zone,
	"answered_at" timestamp (3) with time zone,
	"end_time" timestamp (3) with time zone,
	"duration" integer,
	"queue_time_ms" integer,
	"cause" text,
	"message" text,
	"sip_status" integer,
	"node" text,
	"fence" bigint,
	"sequence" integer DEFAULT -1 NOT NULL,
	"status_callback" jsonb,
	"version" integer DEFAULT 1 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "records"."checkpoints" (
	"shard" integer PRIMARY KEY NOT NULL,
	"epoch" text NOT NULL,
	"seq" bigint NOT NULL,
	"fence" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "records"."exchanges" (
	"sid" text PRIMARY KEY NOT NULL,
	"account_sid" text NOT NULL,
	"call_sid" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"method" text NOT NULL,
	"url" text NOT NULL,
	"parameters" jsonb NOT NULL,
	"status" integer,
	"content_type" text,
	"body" text,
	"duration_ms" integer
);
--> statement-breakpoint
CREATE TABLE "records"."notifications" (
	"sid" text PRIMARY KEY NOT NULL,
	"account_sid" text NOT NULL,
	"call_sid" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"log" text NOT NULL,
	"code" integer NOT NULL,
	"message" text NOT NULL,
	"hint" text,
	"request_method" text,
	"request_url" text
);
--> statement-breakpoint
CREATE TABLE "records"."usage_days" (
	"account_sid" text NOT NULL,
	"category" text NOT NULL,
	"day" date NOT NULL,
	"count" bigint NOT NULL,
	"usage" bigint NOT NULL,
	CONSTRAINT "usage_days_account_sid_day_category_pk" PRIMARY KEY("account_sid","day","category")
);
--> statement-breakpoint
CREATE INDEX "call_versions_call" ON "records"."call_versions" USING btree ("call_sid","id");--> statement-breakpoint
CREATE INDEX "calls_account" ON "records"."calls" USING btree ("account_sid","created_at" DESC NULLS LAST,"sid" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "calls_status" ON "records"."calls" USING btree ("account_sid","status","created_at","sid");--> statement-breakpoint
CREATE INDEX "calls_to" ON "records"."calls" USING btree ("account_sid","called","created_at","sid");--> statement-breakpoint
CREATE INDEX "calls_from" ON "records"."calls" USING btree ("account_sid","caller","created_at","sid");--> statement-breakpoint
CREATE INDEX "calls_parent" ON "records"."calls" USING btree ("parent_call_sid") WHERE parent_call_sid is not null;--> statement-breakpoint
CREATE INDEX "calls_started" ON "records"."calls" USING btree ("account_sid","start_time");--> statement-breakpoint
CREATE INDEX "calls_ended" ON "records"."calls" USING btree ("account_sid","end_time");--> statement-breakpoint
CREATE INDEX "calls_open" ON "records"."calls" USING btree ("node") WHERE end_time is null and node is not null;--> statement-breakpoint
CREATE INDEX "exchanges_call" ON "records"."exchanges" USING btree ("call_sid","created_at","sid");--> statement-breakpoint
CREATE INDEX "notifications_account" ON "records"."notifications" USING btree ("account_sid","created_at" DESC NULLS LAST,"sid" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "notifications_call" ON "records"."notifications" USING btree ("call_sid");