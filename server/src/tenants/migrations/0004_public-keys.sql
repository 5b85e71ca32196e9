CREATE TABLE "tenants"."public_keys" (
	"sid" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"revision" bigint DEFAULT nextval('tenants.revisions') NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"account_sid" text NOT NULL,
	"kid" text NOT NULL,
	"jwk" jsonb NOT NULL,
	CONSTRAINT "public_keys_kid" UNIQUE("account_sid","kid")
);
--> statement-breakpoint
ALTER TABLE "tenants"."public_keys" ADD CONSTRAINT "public_keys_account_sid_accounts_sid_fk" FOREIGN KEY ("account_sid") REFERENCES "tenants"."accounts"("sid") ON DELETE no action ON UPDATE no action;