CREATE TABLE "records"."conferences" (
	"sid" text PRIMARY KEY NOT NULL,
	"account_sid" text NOT NULL,
	"name" text NOT NULL,
	"status" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"end_time" timestamp (3) with time zone,
	"reason" text,
	"ended_by" text,
	"node" text
);
--> statement-breakpoint
CREATE TABLE "records"."participants" (
	"conference_sid" text NOT NULL,
	"call_sid" text NOT NULL,
	"account_sid" text NOT NULL,
	"label" text,
	"muted" boolean NOT NULL,
	"hold" boolean NOT NULL,
	"coaching" boolean NOT NULL,
	"call_sid_to_coach" text,
	"start_on_enter" boolean NOT NULL,
	"end_on_exit" boolean NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"left_at" timestamp (3) with time zone,
	CONSTRAINT "participants_conference_sid_call_sid_pk" PRIMARY KEY("conference_sid","call_sid")
);
--> statement-breakpoint
CREATE TABLE "records"."recordings" (
	"sid" text PRIMARY KEY NOT NULL,
	"account_sid" text NOT NULL,
	"call_sid" text NOT NULL,
	"conference_sid" text,
	"source" text NOT NULL,
	"channels" integer NOT NULL,
	"track" text NOT NULL,
	"status" text NOT NULL,
	"start_time" timestamp (3) with time zone NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"duration_ms" integer,
	"bytes" bigint,
	"message" text
);
--> statement-breakpoint
CREATE TABLE "records"."transcriptions" (
	"sid" text PRIMARY KEY NOT NULL,
	"account_sid" text NOT NULL,
	"recording_sid" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"status" text NOT NULL,
	"text" text NOT NULL,
	"duration_ms" integer
);
--> statement-breakpoint
CREATE TABLE "records"."usage_triggers" (
	"sid" text PRIMARY KEY NOT NULL,
	"account_sid" text NOT NULL,
	"name" text NOT NULL,
	"category" text NOT NULL,
	"trigger_by" text NOT NULL,
	"value" bigint NOT NULL,
	"relative" boolean NOT NULL,
	"base" bigint NOT NULL,
	"recurring" text,
	"callback_url" text NOT NULL,
	"callback_method" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"fired_at" timestamp (3) with time zone,
	"fired_for" date
);
--> statement-breakpoint
CREATE INDEX "conferences_account" ON "records"."conferences" USING btree ("account_sid","created_at" DESC NULLS LAST,"sid" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "conferences_name" ON "records"."conferences" USING btree ("account_sid","name","created_at" DESC NULLS LAST,"sid" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "conferences_status" ON "records"."conferences" USING btree ("account_sid","status","created_at" DESC NULLS LAST,"sid" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "recordings_account" ON "records"."recordings" USING btree ("account_sid","created_at" DESC NULLS LAST,"sid" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "recordings_call" ON "records"."recordings" USING btree ("call_sid");--> statement-breakpoint
CREATE INDEX "recordings_conference" ON "records"."recordings" USING btree ("conference_sid");--> statement-breakpoint
CREATE INDEX "transcriptions_account" ON "records"."transcriptions" USING btree ("account_sid","created_at" DESC NULLS LAST,"sid" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "transcriptions_recording" ON "records"."transcriptions" USING btree ("recording_sid");--> statement-breakpoint
CREATE INDEX "usage_triggers_account" ON "records"."usage_triggers" USING btree ("account_sid","created_at" DESC NULLS LAST,"sid" DESC NULLS LAST);