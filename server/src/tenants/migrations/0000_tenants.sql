CREATE SCHEMA "tenants";
--> statement-breakpoint
CREATE SEQUENCE "tenants"."revisions" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE TABLE "tenants"."accounts" (
	"sid" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"revision" bigint DEFAULT nextval('tenants.revisions') NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"status" text NOT NULL,
	"auth_token" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tenants"."api_keys" (
	"sid" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"revision" bigint DEFAULT nextval('tenants.revisions') NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"account_sid" text NOT NULL,
	"secret" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tenants"."applications" (
	"sid" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"revision" bigint DEFAULT nextval('tenants.revisions') NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"account_sid" text NOT NULL,
	"voice_url" text NOT NULL,
	"voice_method" text NOT NULL,
	"voice_fallback_url" text,
	"voice_fallback_method" text NOT NULL,
	"status_callback" text,
	"status_callback_method" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tenants"."numbers" (
	"sid" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"revision" bigint DEFAULT nextval('tenants.revisions') NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"account_sid" text NOT NULL,
	"number" text NOT NULL,
	"application_sid" text,
	CONSTRAINT "numbers_number_unique" UNIQUE("number")
);
--> statement-breakpoint
CREATE TABLE "tenants"."trunks" (
	"sid" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"revision" bigint DEFAULT nextval('tenants.revisions') NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"account_sid" text NOT NULL,
	"allow" jsonb NOT NULL,
	"outbound_host" text,
	"outbound_port" integer,
	"digest_username" text,
	"digest_secret" text,
	"codecs" jsonb NOT NULL,
	"channels" integer
);
--> statement-breakpoint
ALTER TABLE "tenants"."api_keys" ADD CONSTRAINT "api_keys_account_sid_accounts_sid_fk" FOREIGN KEY ("account_sid") REFERENCES "tenants"."accounts"("sid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tenants"."applications" ADD CONSTRAINT "applications_account_sid_accounts_sid_fk" FOREIGN KEY ("account_sid") REFERENCES "tenants"."accounts"("sid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tenants"."numbers" ADD CONSTRAINT "numbers_account_sid_accounts_sid_fk" FOREIGN KEY ("account_sid") REFERENCES "tenants"."accounts"("sid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tenants"."numbers" ADD CONSTRAINT "numbers_application_sid_applications_sid_fk" FOREIGN KEY ("application_sid") REFERENCES "tenants"."applications"("sid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tenants"."trunks" ADD CONSTRAINT "trunks_account_sid_accounts_sid_fk" FOREIGN KEY ("account_sid") REFERENCES "tenants"."accounts"("sid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "api_keys_account" ON "tenants"."api_keys" USING btree ("account_sid");--> statement-breakpoint
CREATE INDEX "applications_account" ON "tenants"."applications" USING btree ("account_sid");--> statement-breakpoint
CREATE INDEX "numbers_account" ON "tenants"."numbers" USING btree ("account_sid");--> statement-breakpoint
CREATE INDEX "trunks_account" ON "tenants"."trunks" USING btree ("account_sid");