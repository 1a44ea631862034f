using System.Net;
using System.Text.Json.Nodes;
using Cloister.Broker.Administration;
using Microsoft.Playwright;
using OpenIddict.Abstractions;

namespace Cloister.WebConsole.Tests.SignOn;

/// <summary>People who sign on at an OpenID provider: what they see and may.</summary>
public sealed class SignOnTests(Chromium chromium)
{
    [Fact]
    public async Task Who_signs_on_in_a_browser_sees_the_console_acts_as_the_claim_says_and_signs_off()
    {
        await using SignOnServer server = await SignOnServer.StartAsync();
        await Fleets.FillAsync(server.Broker);
        server.Provider.Groups = ["staff", "operators"];
        await using Visit visit = await Visit.OpenAsync(chromium, server.Address, null);
        Assert.Equal(200, await visit.GoAsync("/revocations"));
        Assert.EndsWith("/console/revocations", visit.Page.Url, StringComparison.Ordinal);
        string who = $"{server.Provider.Subject} at {server.Provider.Issuer}";
        Assert.Contains($"{who} (operator)", await visit.TextAsync(), StringComparison.Ordinal);

        await visit.Page.Locator("form[action='/console/revocations/add'] [name=value]").FillAsync("instance-of-the-test");
        await visit.Page.Locator("form[action='/console/revocations/add'] [name=reason]").FillAsync("stolen");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Revoke", Exact = true }).ClickAsync();
        Assert.Contains("Revoked:", await visit.TextAsync(), StringComparison.Ordinal);
        JsonNode entry = (await server.AuditAsync("revoke")).Single(one => one["value"]!.GetValue<string>() == "instance-of-the-test");
        Assert.Equal((who, server.Provider.Issuer, server.Provider.Subject), (entry["by"]!.ToString(), entry["issuer"]!.ToString(), entry["subject"]!.ToString()));

        // What could take two is not offered, nor what the role does not give.
        Assert.Contains("takes an administrator's certificate", await visit.TextAsync(), StringComparison.Ordinal);
        Assert.Equal(403, await visit.GoAsync("/audit"));

        await visit.GoAsync("/");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Sign off" }).ClickAsync();
        Assert.EndsWith("/console/signed-off", visit.Page.Url, StringComparison.Ordinal);
        Assert.All(visit.Faults, fault => Assert.StartsWith($"request: {server.Provider.Issuer}authorize?", fault, StringComparison.Ordinal));
        Assert.Equal("operator", Assert.Single(await server.AuditAsync("administrator.signed-on"))["roles"]!.ToString());
        Assert.Single(await server.AuditAsync("administrator.signed-off"));
        Assert.Empty(server.Log);
    }

    [Fact]
    public async Task The_provider_is_asked_with_PKCE_state_and_nonce_and_cookies_are_of_this_host_alone()
    {
        await using SignOnServer server = await SignOnServer.StartAsync();
        server.Provider.Groups = ["readers"];
        using Browser browser = server.Open();
        using HttpResponseMessage invited = await browser.InvitedAsync("/console/keys?x=1");
        Assert.All(invited.Headers.GetValues("Set-Cookie"), cookie => AssertHostOnly(cookie));
        using HttpResponseMessage answer = await browser.ReturnAsync(await browser.GoAsync("/console/keys?x=1"));
        Assert.Equal("/console/keys?x=1", answer.Headers.Location!.ToString());
        Assert.Contains(answer.Headers.GetValues("Set-Cookie"), cookie => cookie.StartsWith("__Host-cloister-session=", StringComparison.Ordinal));
        Assert.All(answer.Headers.GetValues("Set-Cookie"), cookie => AssertHostOnly(cookie));

        OpenIddictRequest asked = server.Provider.Asked.Single();
        Assert.Equal(("code", "S256", "openid profile", "query"), (asked.ResponseType, asked.CodeChallengeMethod, asked.Scope, asked.ResponseMode ?? "query"));
        Assert.All((string?[])[asked.CodeChallenge, asked.State, asked.Nonce], value => Assert.True(value?.Length >= 32, value));
        Assert.Equal(asked.CodeChallenge, Challenge(server.Provider.Exchanged.Single().CodeVerifier!));
    }

    [Fact]
    public async Task A_session_ends_when_its_time_is_over_on_signing_off_and_when_roles_are_replaced()
    {
        await using SignOnServer server = await SignOnServer.StartAsync(options => options with { SessionLifetime = TimeSpan.FromMinutes(30) });
        server.Provider.Groups = ["readers"];
        using Browser browser = server.Open();
        Assert.Equal(HttpStatusCode.Redirect, await browser.SignOnAsync());
        server.Broker.Broker.Time.Advance(TimeSpan.FromMinutes(29));
        Assert.True(await browser.IsSignedOnAsync());
        server.Broker.Broker.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.False(await browser.IsSignedOnAsync());

        // Whoever kept the cookie has nothing of it.
        Assert.Equal(HttpStatusCode.Redirect, await browser.SignOnAsync());
        using Browser thief = server.Open();
        thief.Take(browser.Cookies);
        Assert.True(await thief.IsSignedOnAsync());
        using HttpResponseMessage off = await browser.SendAsync("/console/", "/console/sign-off");
        Assert.Equal("/console/signed-off", off.Headers.Location!.ToString());
        Assert.False(await thief.IsSignedOnAsync());

        Assert.Equal(HttpStatusCode.Redirect, await browser.SignOnAsync());
        server.Console.Replace([]);
        Assert.False(await browser.IsSignedOnAsync());
        Assert.Equal(HttpStatusCode.Forbidden, await browser.SignOnAsync());
    }

    [Fact]
    public async Task What_the_provider_takes_away_is_gone_with_the_next_sign_on_in_every_browser()
    {
        await using SignOnServer server = await SignOnServer.StartAsync();
        server.Provider.Groups = ["operators"];
        using Browser browser = server.Open();
        Uri other = await browser.GoAsync();
        Assert.Equal(HttpStatusCode.Redirect, await browser.SignOnAsync());
        string token = await browser.TokenAsync("/console/revocations", "/console/revocations/add");
        server.Provider.Groups = ["readers"];
        using Browser elsewhere = server.Open();
        Assert.Equal(HttpStatusCode.Redirect, await elsewhere.SignOnAsync());
        using HttpResponseMessage late = await browser.PostAsync("/console/revocations/add", token, ("kind", "instance"), ("value", "i"), ("reason", "r"));
        Assert.Equal(HttpStatusCode.Unauthorized, late.StatusCode);

        // In the same browser, which shows a session that goes on: it is not that one that goes on.
        server.Provider.Groups = ["operators"];
        Assert.Equal(HttpStatusCode.Redirect, await browser.SignOnAsync());
        string before = browser.Cookies["__Host-cloister-session"]!.Value;
        server.Provider.Groups = [];
        using HttpResponseMessage again = await browser.ReturnAsync(other);
        Assert.Equal(HttpStatusCode.Redirect, again.StatusCode);
        Assert.NotEqual(before, browser.Cookies["__Host-cloister-session"]!.Value);
        Assert.Empty(await server.AuditAsync("revoke"));
    }

    [Fact]
    public async Task Who_signed_on_neither_asks_for_nor_approves_nor_does_alone_what_could_take_two()
    {
        await using SignOnServer server = await SignOnServer.StartAsync();
        Administrator person = new ProviderSubject(server.Provider.Issuer, "alice") is var subject
            ? new Administrator(subject.Name, AdministratorRole.Auditor | AdministratorRole.Operator | AdministratorRole.KeyCustodian) { SignedOn = subject }
            : throw new InvalidOperationException();
        foreach (string[] twoPersons in (string[][])[[], [.. TwoPersonActs.All]])
        {
            server.Broker.Services.TwoPersons.Replace(twoPersons);
            foreach (string act in TwoPersonActs.All)
            {
                AdministrationException refused = await Assert.ThrowsAsync<AdministrationException>(
                    () => server.Broker.Services.TwoPersons.AskAsync(person, act, [], null, TestContext.Current.CancellationToken));
                Assert.Equal(AdministrationFailure.RoleRequired, refused.Failure);
            }
        }

        Consent asked = await server.Broker.Services.TwoPersons.AskAsync(
            server.Broker.Administrators.Named("bob")!, TwoPersonActs.Enable, [], null, TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<AdministrationException>(() => server.Broker.Services.TwoPersons.AskAsync(person, TwoPersonActs.Enable, [], asked.Waiting!.Id, TestContext.Current.CancellationToken));
        Assert.Equal("refused", Assert.Single(await server.AuditAsync("request.approved"))["result"]!.ToString());
        Assert.All((await server.AuditAsync("request.made")).SkipLast(1), entry => Assert.Equal((server.Provider.Issuer, "alice", "refused"), (entry["issuer"]!.ToString(), entry["subject"]!.ToString(), entry["result"]!.ToString())));

        // The same of somebody with a certificate is done: it is who signed on that is refused.
        Consent approved = await server.Broker.Services.TwoPersons.AskAsync(
            server.Broker.Administrators.Named("alice")!, TwoPersonActs.Enable, [], asked.Waiting!.Id, TestContext.Current.CancellationToken);
        Assert.Null(approved.Waiting);
    }

    private static void AssertHostOnly(string cookie)
    {
        string[] parts = [.. cookie.Split(';', StringSplitOptions.TrimEntries).Select(part => part.ToLowerInvariant())];
        Assert.StartsWith("__host-cloister-", parts[0], StringComparison.Ordinal);
        Assert.Contains("path=/", parts);
        Assert.Contains("secure", parts);
        Assert.Contains("httponly", parts);
        Assert.Contains("samesite=lax", parts);
        Assert.DoesNotContain(parts, part => part.StartsWith("domain=", StringComparison.Ordinal));
    }

    private static string Challenge(string verifier) =>
        Microsoft.IdentityModel.Tokens.Base64UrlEncoder.Encode(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(verifier)));
}
