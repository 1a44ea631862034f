using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Cloister.Attacks.Framework;
using Cloister.Broker.Tests.Processes;
using Cloister.Conformance.Harness;
using Cloister.WebConsole.Tests.SignOn;
using Microsoft.IdentityModel.Tokens;

namespace Cloister.Attacks.Catalogue;

/// <summary>Somebody at the console where people sign on: a broker, and a provider of OpenID Connect that takes whoever comes for a person on call, who may revoke.</summary>
internal abstract class SignOnAttack(string name, Attacker attacker, string has, Promise promise, string how) : Attack(name, attacker, has, promise, how)
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        using X509Certificate2 alice = BrokerProcess.NewCertificate("alice");
        Uri console = new($"https://127.0.0.1:{LoopbackPort.Next()}/");
        OpenIdProvider provider = await ground.AddAsync(OpenIdProvider.StartAsync(new Uri(console, "/console/signed-on")));
        provider.Groups = ["on-call"];
        await File.WriteAllTextAsync(ground.PathOf("secret"), OpenIdProvider.Secret, ground.Stop);
        BrokerFolder folder = ground.Add(new BrokerFolder());
        string configuration = $$"""
            admin:
              listen: 127.0.0.1:0
              administrators: [ { name: alice, key: "{{BrokerProcess.PinOf(alice)}}", roles: [auditor] } ]
              console:
                signOn:
                  listen: 127.0.0.1:{{console.Port}}
                  url: {{console}}
                  issuer: {{provider.Issuer}}
                  clientId: {{OpenIdProvider.ClientId}}
                  clientSecretFile: {{ground.PathOf("secret")}}
                  ca: {{provider.WriteAuthority(ground.Folder)}}
                  roleClaim: groups
                  roles: [ { value: on-call, gives: [operator] } ]
            """;
        return await TryAsync(new Site(console, provider, await ground.AddAsync(folder.StartAsync(configuration))));
    }

    protected abstract Task<Outcome> TryAsync(Site site);

    protected sealed record Site(Uri Console, OpenIdProvider Provider, BrokerProcess Broker)
    {
        private const string Page = "/console/revocations";

        private const string Act = Page + "/add";

        /// <summary>A browser that has not signed on.</summary>
        public Browser Open() => new(Console, Provider.Issuer);

        /// <summary>A browser comes back from the provider, and opens a page.</summary>
        public static async Task<Trial> ReturnAsync(Browser browser, Uri back)
        {
            using HttpResponseMessage answer = await browser.ReturnAsync(back);
            return await browser.IsSignedOnAsync() ? Trial.Success("signed on") : Trial.Refused($"{(int)answer.StatusCode}: there is no session");
        }

        /// <summary>The token of a form, as long as there is a session.</summary>
        public static Task<string> FormAsync(Browser browser) => browser.TokenAsync(Page, Act);

        public static async Task<Trial> RevokeAsync(Browser browser, string form, string value)
        {
            using HttpResponseMessage answer = await browser.PostAsync(Act, form, ("kind", "instance"), ("value", value), ("reason", "an attack"));
            return answer.StatusCode == HttpStatusCode.SeeOther ? Trial.Success("revoked") : Trial.Refused($"{(int)answer.StatusCode}: nothing is revoked");
        }
    }
}

internal sealed class ForgedSignOnToken() : SignOnAttack(
    "console-sign-on-with-a-forged-token", Attacker.Client, "what answers the console in the provider's place with ID tokens of his own making", Promise.Protected,
    "the console verifies the token's signature by a key of the provider, its issuer, client, nonce, end, subject and claim")
{
    protected override async Task<Outcome> TryAsync(Site site)
    {
        using Browser browser = site.Open();
        Trial attempt = Trial.Refused("there are no forged tokens");
        foreach ((string what, Func<JsonObject, RsaSecurityKey, string> forge) in ForgedTokens.All)
        {
            site.Provider.Forge = forge;
            attempt = await Site.ReturnAsync(browser, await browser.GoAsync());
            if (attempt.Succeeded)
            {
                return new Outcome(Trial.Success($"signed on with a token {what}"), Trial.Success("not tried"));
            }
        }

        site.Provider.Forge = ForgedTokens.Sign;
        return new Outcome(attempt, await Site.ReturnAsync(browser, await browser.GoAsync()) with { Detail = "the same token with nothing changed, signed with the provider's key: signed on" });
    }
}

internal sealed class ReplayedSignOn() : SignOnAttack(
    "console-sign-on-replayed", Attacker.Client, "the address that a provider sent somebody back to, that browser's cookies of before, or their ID token", Promise.Protected,
    "state is of the browser that asked, a code is taken once (the provider) and with its PKCE verifier, and a token has the nonce of its request")
{
    protected override async Task<Outcome> TryAsync(Site site)
    {
        string token = "";
        site.Provider.Forge = (said, key) => token = ForgedTokens.Sign(said, key);
        using Browser person = site.Open();
        using Browser thief = site.Open();
        Uri back = await person.GoAsync();
        Trial address = await Site.ReturnAsync(thief, back);
        thief.Take(person.Cookies);
        Trial control = await Site.ReturnAsync(person, back) with { Detail = "the browser that asked, with the same address: signed on" };
        Trial cookies = await Site.ReturnAsync(thief, back);
        string seen = token;
        site.Provider.Forge = (_, _) => seen;
        using Browser another = site.Open();
        Trial replayed = await Site.ReturnAsync(another, await another.GoAsync());
        return new Outcome(((Trial[])[address, cookies, replayed]).FirstOrDefault(trial => trial.Succeeded) ?? replayed, control);
    }
}

internal sealed class SessionOfLoweredRoles() : SignOnAttack(
    "console-session-of-lowered-roles", Attacker.Insider, "a session at the console and a form of it, from before his provider took his role away and the broker was sent SIGHUP", Promise.Protected,
    "SIGHUP ends every session, and so does signing on again: roles are those of the newest token")
{
    protected override async Task<Outcome> TryAsync(Site site)
    {
        using Browser browser = site.Open();
        await browser.SignOnAsync();
        string form = await Site.FormAsync(browser);
        Trial control = await Site.RevokeAsync(browser, form, "before") with { Detail = "the same session and form before it: revoked" };
        site.Provider.Groups = [];
        await site.Broker.ReloadAsync();
        Trial session = await Site.RevokeAsync(browser, form, "after");
        Trial again = await Site.ReturnAsync(browser, await browser.GoAsync());
        return new Outcome(again.Succeeded ? again : session, control);
    }
}

internal sealed class SessionOutlivesRoles() : SignOnAttack(
    "console-session-outlives-the-providers-roles", Attacker.Insider, "a session at the console, from before his provider took his role away", Promise.NotProtected,
    "what the role may do, until the session ends (sessionMinutes): the provider is asked at a sign-on only. SIGHUP ends it at once")
{
    protected override async Task<Outcome> TryAsync(Site site)
    {
        using Browser browser = site.Open();
        await browser.SignOnAsync();
        string form = await Site.FormAsync(browser);
        site.Provider.Groups = [];
        Trial attempt = await Site.RevokeAsync(browser, form, "after");
        await site.Broker.ReloadAsync();
        return new Outcome(attempt, Contrast: await Site.RevokeAsync(browser, form, "ended"));
    }
}
