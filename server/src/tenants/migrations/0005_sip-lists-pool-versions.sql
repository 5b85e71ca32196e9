CREATE TABLE "tenants"."credential_lists" (
	"sid" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"revision" bigint DEFAULT nextval('tenants.revisions') NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"account_sid" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tenants"."credentials" (
	"sid" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"revision" bigint DEFAULT nextval('tenants.revisions') NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"account_sid" text NOT NULL,
	"list_sid" text NOT NULL,
	"username" text NOT NULL,
	"password" text NOT NULL,
	CONSTRAINT "credentials_name" UNIQUE("list_sid","username")
);
--> statement-breakpoint
CREATE TABLE "tenants"."ip_addresses" (
	"sid" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"revision" bigint DEFAULT nextval('tenants.revisions') NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"account_sid" text NOT NULL,
	"list_sid" text NOT NULL,
	"address" text NOT NULL,
	"prefix" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tenants"."ip_lists" (
	"sid" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"revision" bigint DEFAULT nextval('tenants.revisions') NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"account_sid" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tenants"."number_pool" (
	"number" text PRIMARY KEY NOT NULL,
	"country" text NOT NULL,
	"type" text NOT NULL,
	"locality" text,
	"region" text
);
--> statement-breakpoint
CREATE TABLE "tenants"."versions" (
	"sid" text NOT NULL,
	"version" integer NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"record" jsonb NOT NULL,
	CONSTRAINT "versions_sid_version_pk" PRIMARY KEY("sid","version")
);
--> statement-breakpoint
ALTER TABLE "tenants"."sip_domains" ADD COLUMN "voice" jsonb;--> statement-breakpoint
ALTER TABLE "tenants"."sip_domains" ADD COLUMN "mappings" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "tenants"."credential_lists" ADD CONSTRAINT "credential_lists_account_sid_accounts_sid_fk" FOREIGN KEY ("account_sid") REFERENCES "tenants"."accounts"("sid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tenants"."credentials" ADD CONSTRAINT "credentials_account_sid_accounts_sid_fk" FOREIGN KEY ("account_sid") REFERENCES "tenants"."accounts"("sid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tenants"."credentials" ADD CONSTRAINT "credentials_list_sid_credential_lists_sid_fk" FOREIGN KEY ("list_sid") REFERENCES "tenants"."credential_lists"("sid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tenants"."ip_addresses" ADD CONSTRAINT "ip_addresses_account_sid_accounts_sid_fk" FOREIGN KEY ("account_sid") REFERENCES "tenants"."accounts"("sid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tenants"."ip_addresses" ADD CONSTRAINT "ip_addresses_list_sid_ip_lists_sid_fk" FOREIGN KEY ("list_sid") REFERENCES "tenants"."ip_lists"("sid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tenants"."ip_lists" ADD CONSTRAINT "ip_lists_account_sid_accounts_sid_fk" FOREIGN KEY ("account_sid") REFERENCES "tenants"."accounts"("sid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "credential_lists_account" ON "tenants"."credential_lists" USING btree ("account_sid");--> statement-breakpoint
CREATE INDEX "credentials_account" ON "tenants"."credentials" USING btree ("account_sid");--> statement-breakpoint
CREATE INDEX "ip_addresses_list" ON "tenants"."ip_addresses" USING btree ("list_sid");--> statement-breakpoint
CREATE INDEX "ip_addresses_account" ON "tenants"."ip_addresses" USING btree ("account_sid");--> statement-breakpoint
CREATE INDEX "ip_lists_account" ON "tenants"."ip_lists" USING btree ("account_sid");--> statement-breakpoint
CREATE INDEX "number_pool_country" ON "tenants"."number_pool" USING btree ("country","type","number");