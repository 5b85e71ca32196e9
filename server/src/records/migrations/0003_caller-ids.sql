CREATE TABLE "records"."caller_ids" (
	"sid" text PRIMARY KEY NOT NULL,
	"account_sid" text NOT NULL,
	"number" text NOT NULL,
	"name" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX "caller_ids_number" ON "records"."caller_ids" USING btree ("account_sid","number");