CREATE TABLE "tenants"."sip_domains" (
	"sid" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"revision" bigint DEFAULT nextval('tenants.revisions') NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"account_sid" text NOT NULL,
	"domain" text NOT NULL,
	"application_sid" text,
	"registration" boolean NOT NULL,
	CONSTRAINT "sip_domains_domain_unique" UNIQUE("domain")
);
--> statement-breakpoint
CREATE TABLE "tenants"."sip_users" (
	"sid" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"revision" bigint DEFAULT nextval('tenants.revisions') NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"account_sid" text NOT NULL,
	"domain_sid" text NOT NULL,
	"username" text NOT NULL,
	"password" text NOT NULL,
	"caller_number" text,
	CONSTRAINT "sip_users_name" UNIQUE("domain_sid","username")
);
--> statement-breakpoint
ALTER TABLE "tenants"."sip_domains" ADD CONSTRAINT "sip_domains_account_sid_accounts_sid_fk" FOREIGN KEY ("account_sid") REFERENCES "tenants"."accounts"("sid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tenants"."sip_domains" ADD CONSTRAINT "sip_domains_application_sid_applications_sid_fk" FOREIGN KEY ("application_sid") REFERENCES "tenants"."applications"("sid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tenants"."sip_users" ADD CONSTRAINT "sip_users_account_sid_accounts_sid_fk" FOREIGN KEY ("account_sid") REFERENCES "tenants"."accounts"("sid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tenants"."sip_users" ADD CONSTRAINT "sip_users_domain_sid_sip_domains_sid_fk" FOREIGN KEY ("domain_sid") REFERENCES "tenants"."sip_domains"("sid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "sip_domains_account" ON "tenants"."sip_domains" USING btree ("account_sid");--> statement-breakpoint
CREATE INDEX "sip_users_account" ON "tenants"."sip_users" USING btree ("account_sid");