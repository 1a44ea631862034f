using System.Net;
using System.Text.Json.Nodes;
using Microsoft.IdentityModel.Tokens;

namespace Cloister.WebConsole.Tests.SignOn;

/// <summary>Tokens, codes and forms of others. Each has the way that works beside it.</summary>
public sealed class SignOnAttackTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_token_that_is_not_this_providers_for_this_console_and_request_lets_nobody_in()
    {
        await using SignOnServer server = await SignOnServer.StartAsync();
        server.Provider.Groups = ["operators"];
        using Browser browser = server.Open();
        List<string> let = [];
        foreach ((string what, Func<JsonObject, RsaSecurityKey, string> forge) in ForgedTokens.All)
        {
            server.Provider.Forge = forge;
            if (await browser.SignOnAsync() != HttpStatusCode.Forbidden || await browser.IsSignedOnAsync())
            {
                let.Add(what);
            }
        }

        Assert.Empty(let);
        Assert.Empty(await server.AuditAsync("administrator.signed-on"));
        Assert.DoesNotContain(server.Log, line => line.Contains(OpenIdProvider.Secret, StringComparison.Ordinal));
        Assert.Equal(ForgedTokens.All.Count, server.Log.Count);

        // The same signed again as it was is let in.
        server.Provider.Forge = ForgedTokens.Sign;
        Assert.Equal(HttpStatusCode.Redirect, await browser.SignOnAsync());
        Assert.True(await browser.IsSignedOnAsync());
    }

    [Fact]
    public async Task A_code_is_taken_once_and_from_the_browser_that_asked()
    {
        await using SignOnServer server = await SignOnServer.StartAsync();
        server.Provider.Groups = ["operators"];
        using Browser browser = server.Open();
        using Browser other = server.Open();
        Uri back = await browser.GoAsync();

        // Who leads somebody else to a sign-on of their own: that browser did not ask.
        using (HttpResponseMessage led = await other.ReturnAsync(back))
        {
            Assert.Equal(HttpStatusCode.Forbidden, led.StatusCode);
        }

        other.Take(browser.Cookies);
        using (HttpResponseMessage first = await browser.ReturnAsync(back))
        {
            Assert.Equal(HttpStatusCode.Redirect, first.StatusCode);
        }

        Assert.Single(server.Provider.Exchanged);
        using (HttpResponseMessage same = await browser.ReturnAsync(back))
        {
            Assert.Equal(HttpStatusCode.Forbidden, same.StatusCode);
        }

        // With the cookies of before, as who saw all of it has them: the provider has seen the code.
        using (HttpResponseMessage replayed = await other.ReturnAsync(back))
        {
            Assert.Equal(HttpStatusCode.Forbidden, replayed.StatusCode);
        }

        Assert.Equal(2, server.Provider.Exchanged.Count);
        Assert.False(await other.IsSignedOnAsync());
        Assert.DoesNotContain(server.Log, line => line.Contains(server.Provider.Exchanged.First().Code!, StringComparison.Ordinal));

        // An error that somebody made up is text in the log, cut, and nothing on the page.
        using HttpResponseMessage lie = await browser.GetAsync("/console/signed-on?error=%0ainjected&error_description=" + new string('x', 4000));
        Assert.Equal(HttpStatusCode.Forbidden, lie.StatusCode);
        Assert.DoesNotContain("xxxx", await lie.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        Assert.All(server.Log, line => Assert.True(line.Length < 400 && !line.Contains('\n', StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_form_is_of_its_own_session_and_page()
    {
        await using SignOnServer server = await SignOnServer.StartAsync();
        server.Provider.Groups = ["operators"];
        using Browser browser = server.Open();
        await browser.SignOnAsync();
        string token = await browser.TokenAsync("/console/revocations", "/console/revocations/add");
        server.Provider.Subject = "somebody-else";
        using Browser other = server.Open();
        await other.SignOnAsync();
        (string, string)[] fields = [("kind", "instance"), ("value", "i"), ("reason", "r")];
        using HttpResponseMessage stolen = await other.PostAsync("/console/revocations/add", token, fields);
        Assert.Equal(HttpStatusCode.BadRequest, stolen.StatusCode);
        using HttpResponseMessage elsewhere = await browser.PostAsync("/console/revocations/lift", token, fields);
        Assert.Equal(HttpStatusCode.BadRequest, elsewhere.StatusCode);
        using Browser nobody = server.Open();
        using HttpResponseMessage without = await nobody.PostAsync("/console/revocations/add", token, fields);
        Assert.Equal(HttpStatusCode.Unauthorized, without.StatusCode);
        Assert.Empty(await server.AuditAsync("revoke"));
        using HttpResponseMessage own = await browser.PostAsync("/console/revocations/add", token, fields);
        Assert.Equal(HttpStatusCode.SeeOther, own.StatusCode);
        Assert.Single(await server.AuditAsync("revoke"));
    }

    [Fact]
    public async Task A_provider_that_is_away_or_calls_itself_something_else_lets_nobody_in_and_there_is_nothing_but_the_console()
    {
        await using SignOnServer away = await SignOnServer.StartAsync(options => options with { Issuer = $"https://127.0.0.1:{Certificates.FreePort()}/" });
        using Browser browser = away.Open();
        using HttpResponseMessage answer = await browser.GetAsync("/console/");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Contains("the OpenID provider does not answer", await answer.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        Assert.Single(away.Log);
        Assert.Equal("alice", (await away.Broker.Alice.WhoAmIAsync(Cancellation)).Name);

        await using SignOnServer other = await SignOnServer.StartAsync(options => options with { Issuer = options.Issuer.TrimEnd('/') });
        using Browser misled = other.Open();
        using HttpResponseMessage refused = await misled.GetAsync("/console/");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        using HttpResponseMessage api = await misled.GetAsync("/admin/v1/keks");
        Assert.Equal(HttpStatusCode.NotFound, api.StatusCode);

        // Neither does one whose certificate is another's.
        await using SignOnServer untrusted = await SignOnServer.StartAsync(options => options with { CaFile = null });
        using Browser victim = untrusted.Open();
        using HttpResponseMessage distrusted = await victim.GetAsync("/console/");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, distrusted.StatusCode);
    }
}
