using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Administration.Client;
using Cloister.Broker.Administration;
using Cloister.Broker.Administration.Tests.Http;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Leases;
using Cloister.Broker.State.Requests;
using Cloister.Broker.State.Revocations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Playwright;

namespace Cloister.WebConsole.Tests;

/// <summary>Who attacks through an administrator's browser, or without being one.</summary>
public sealed class AttackTests(Chromium chromium)
{
    private const string Markup = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'>{{7*7}}\u202e";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Markup_in_names_is_text()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await Fleets.FillAsync(server);
        DateTimeOffset now = server.Broker.Time.GetUtcNow();
        LeaseRecord lease = new(
            new string('e', 32), Markup, Markup, Markup, Markup, Markup, Markup, Markup, Markup, Markup, now, now, now.AddHours(1), 0, 0, 0) { OtherRoots = Markup };
        await server.Broker.State.GrantLeaseAsync(new LeaseGrant(lease), Cancellation);
        await server.Broker.State.AppendAsync(new AuditEvent("evidence.refused", new() { ["instance"] = Markup }), Cancellation);
        await server.Broker.State.SetPolicyAsync(Markup, Markup + "\n" + Markup, Markup, Cancellation);
        await server.Broker.State.SetPolicyAsync(Markup, "</textarea></pre>" + Markup, Markup, Cancellation);
        await server.Broker.State.RevokeAsync(RevocationKind.Platform, Markup, Markup, Markup, Cancellation);
        PendingAct request = new(new string('f', 32), "liftRevocation", new JsonObject { ["kind"] = Markup, ["value"] = Markup, ["reason"] = Markup }.ToJsonString(), Markup, now, now.AddHours(1));
        await server.Broker.State.AddRequestAsync(request, Cancellation);
        await using Visit visit = await Visit.OpenAsync(chromium, server, "alice", script: true);
        foreach (string path in (string[])["/", "/fleet", $"/fleet/{lease.Id}", "/audit", "/policies", $"/policies/{Uri.EscapeDataString(Markup)}", "/revocations", "/approvals", $"/approvals/{request.Id}", "/calendar", "/forecast", $"/fleet?cluster={Uri.EscapeDataString(Markup)}", $"/audit?has={Uri.EscapeDataString(Markup)}", $"/{Uri.EscapeDataString(Markup)}"])
        {
            await visit.GoAsync(path);
            Assert.Equal(0, await visit.Page.Locator("script, img, iframe, object").CountAsync());
            Assert.DoesNotContain('\u202e', await visit.TextAsync());
        }

        await visit.GoAsync($"/fleet/{lease.Id}");
        Assert.Contains("<script>alert(1)</script>", await visit.TextAsync(), StringComparison.Ordinal);
        Assert.Contains("\\u{202e}", await visit.TextAsync(), StringComparison.Ordinal);
        Assert.Empty(visit.Faults);
    }

    [Fact]
    public async Task Nobody_gets_a_page_without_an_administrators_certificate()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await using Visit without = await Visit.OpenAsync(chromium, server, null);
        await Assert.ThrowsAsync<PlaywrightException>(() => without.GoAsync("/"));
        using X509Certificate2 other = AdministratorCertificate.Create("alice", server.Broker.Time.GetUtcNow());
        await using Visit stranger = await Visit.OpenAsync(chromium, server.Address, other);
        await AssertRefusedAsync(stranger);

        // A certificate whose time is over is told what to do, and nothing else.
        server.Broker.Time.Advance(TimeSpan.FromDays(366));
        await using Visit ended = await Visit.OpenAsync(chromium, server, "alice");
        Assert.Equal(401, await ended.GoAsync("/"));
        Assert.Contains("cloister admin keygen", await ended.TextAsync(), StringComparison.Ordinal);

        // On a listener that asks nobody for a certificate, as a wrong wiring would.
        await using AdministrationServer open = await AdministrationServer.StartOpenAsync();
        await using Visit anybody = await Visit.OpenAsync(chromium, open.Address, null);
        Assert.Equal(401, await anybody.GoAsync("/"));
    }

    [Theory]
    [InlineData("form")]
    [InlineData("json")]
    [InlineData("fetch")]
    public async Task Another_sites_page_does_nothing_in_an_administrators_name(string how)
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await Fleets.FillAsync(server);
        string body = """{"kind":"kek","value":"payments","reason":"x""";
        string page = how switch
        {
            "form" => $"""<form method="post" action="{server.Address}console/audit/verify"><input name="token" value="x"><button>go</button></form>""",
            "json" => $"""<form method="post" enctype="text/plain" action="{server.Address}admin/v1/revocations"><input name='{body}' value='"{"}"}'><button>go</button></form>""",
            _ => $$"""<button onclick="fetch('{{server.Address}}admin/v1/revocations', { method: 'POST', mode: 'no-cors', credentials: 'include', body: '{&quot;kind&quot;:&quot;kek&quot;,&quot;value&quot;:&quot;payments&quot;,&quot;reason&quot;:&quot;x&quot;}' }).finally(() => document.title = 'sent')">go</button>""",
        };
        await using WebApplication site = await OtherSiteAsync(page);
        await using Visit visit = await Visit.OpenAsync(chromium, server, "alice", script: true);
        Assert.Equal(200, await visit.GoAsync("/"));
        await visit.Page.GotoAsync(AddressOf(site));
        if (how == "fetch")
        {
            await visit.Page.GetByRole(AriaRole.Button).ClickAsync();
            await visit.Page.WaitForFunctionAsync("document.title === 'sent'");
        }
        else
        {
            IResponse answer = await visit.Page.RunAndWaitForResponseAsync(() => visit.Page.GetByRole(AriaRole.Button).ClickAsync(), response => response.Request.Method == "POST");
            Assert.Equal(403, answer.Status);
            Assert.Contains(AdminErrors.CrossSite, await answer.TextAsync(), StringComparison.Ordinal);
        }

        Assert.Empty(await server.Broker.State.ListRevocationsAsync(Cancellation));

        // The same, said by a program: it is done.
        Assert.True(await server.Alice.RevokeAsync(new RevokeRequest("kek", Fleets.Kek, "x"), Cancellation));
    }

    [Fact]
    public async Task A_form_is_taken_of_its_own_page_key_and_act_only()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await Fleets.FillAsync(server);
        await using Visit alice = await Visit.OpenAsync(chromium, server, "alice", script: true);
        await using Visit dora = await Visit.OpenAsync(chromium, server, "dora", script: true);
        await dora.GoAsync("/revocations");
        string ofDora = await TokenAsync(dora, "/console/revocations/add");
        await alice.GoAsync("/audit");
        string ofAnotherAct = await TokenAsync(alice, "/console/audit/verify");
        await alice.GoAsync("/revocations");
        string own = await TokenAsync(alice, "/console/revocations/add");
        foreach (string wrong in (string[])[ofDora, ofAnotherAct, "", "x", own[..^2] + (own.EndsWith("AA", StringComparison.Ordinal) ? "BB" : "AA")])
        {
            Assert.Equal(400, await SendAsync(alice, wrong));
        }

        Assert.Empty(await server.Broker.State.ListRevocationsAsync(Cancellation));

        // Whose page it is, and whose token: it is done.
        Assert.Equal(200, await SendAsync(alice, own));
        Assert.Equal("alice", Assert.Single(await server.Broker.State.ListRevocationsAsync(Cancellation)).By);
    }

    [Fact]
    public async Task What_the_page_offered_is_decided_again_when_it_is_sent()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await Fleets.FillAsync(server);
        await using Visit dora = await Visit.OpenAsync(chromium, server, "dora");
        await dora.GoAsync("/revocations?kind=kek&value=payments");
        await dora.Page.GetByLabel("why").FillAsync("x");

        // Meanwhile she is an auditor only; then nobody.
        string pin = AdministratorCertificate.PinOf(server.CertificateOf("dora"));
        server.Administrators.Replace([(new Administrator("dora", AdministratorRole.Auditor), pin)]);
        IResponse answer = await dora.Page.RunAndWaitForResponseAsync(
            () => dora.Page.GetByRole(AriaRole.Button, new() { Name = "Revoke" }).ClickAsync(), response => response.Request.Method == "POST");
        Assert.Equal(403, answer.Status);
        Assert.Contains("it takes the role Operator", await dora.TextAsync(), StringComparison.Ordinal);
        Assert.Empty(await server.Broker.State.ListRevocationsAsync(Cancellation));
        server.Administrators.Replace([]);
        await AssertRefusedAsync(dora);
    }

    [Fact]
    public async Task No_page_is_shown_in_a_frame()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await using WebApplication site = await OtherSiteAsync($"""<iframe src="{server.Address}console/" title="x"></iframe><a href="{server.Address}console/">to the console</a>""");
        await using Visit visit = await Visit.OpenAsync(chromium, server, "alice", script: true);
        await visit.Page.GotoAsync(AddressOf(site), new() { WaitUntil = WaitUntilState.NetworkIdle });
        Assert.DoesNotContain(visit.Page.Frames, frame => frame.Url.StartsWith(server.Address.ToString(), StringComparison.Ordinal));

        // A link that a person follows is their own business.
        IResponse page = await visit.Page.RunAndWaitForResponseAsync(() => visit.Page.GetByRole(AriaRole.Link).ClickAsync(), response => response.Url.EndsWith("/console/", StringComparison.Ordinal));
        Assert.Equal(200, page.Status);
    }

    private static async Task<string> TokenAsync(Visit visit, string action) => (await visit.Page.Locator($"form[action='{action}'] input[name=token]").First.GetAttributeAsync("value"))!;

    private static async Task<int> SendAsync(Visit visit, string token)
    {
        await visit.GoAsync("/revocations?kind=kek&value=payments");
        await visit.Page.EvaluateAsync("token => { document.querySelector(\"form[action='/console/revocations/add'] input[name=token]\").value = token }", token);
        await visit.Page.GetByLabel("why").FillAsync("x");
        IResponse answer = await visit.Page.RunAndWaitForResponseAsync(
            () => visit.Page.GetByRole(AriaRole.Button, new() { Name = "Revoke" }).ClickAsync(), response => response.Request.IsNavigationRequest && response.Status != 303);
        return answer.Status;
    }

    // The handshake fails, whatever the browser makes of that.
    private static async Task AssertRefusedAsync(Visit visit)
    {
        try
        {
            Assert.NotEqual(200, await visit.GoAsync("/"));
            Assert.DoesNotContain("What needs a person", await visit.TextAsync(), StringComparison.Ordinal);
        }
        catch (PlaywrightException)
        {
        }
    }

    private static async Task<WebApplication> OtherSiteAsync(string body)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        WebApplication site = builder.Build();
        site.MapGet("/", () => Results.Content($"<!DOCTYPE html><html lang=en><title>elsewhere</title>{body}", "text/html"));
        await site.StartAsync(Cancellation);
        return site;
    }

    // Another name than the console's, so another site.
    private static string AddressOf(WebApplication site) =>
        site.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single().Replace("127.0.0.1", "localhost", StringComparison.Ordinal);
}
