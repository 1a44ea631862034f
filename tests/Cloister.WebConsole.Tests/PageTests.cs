using Cloister.Broker.Administration.Tests;
using Cloister.Broker.Administration.Tests.Http;
using Microsoft.Playwright;

namespace Cloister.WebConsole.Tests;

/// <summary>Every page, in a real browser.</summary>
public sealed class PageTests(Chromium chromium)
{
    private static readonly string[] Pages =
    [
        "/", "/fleet", "/fleet/11111111111111111111111111111111", "/keys", $"/keys/{Fleets.Kek}", "/policies", "/policies/simulated", "/forecast",
        "/revocations", "/approvals", "/approvals/{request}", "/audit", "/calendar", "/nothing",
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(ColorScheme.Light, 360)]
    [InlineData(ColorScheme.Dark, 1280)]
    public async Task No_page_has_a_fault_that_axe_finds(ColorScheme scheme, int looked)
    {
        (AdministrationServer filled, string request) = await Fleets.FilledAsync();
        await using AdministrationServer server = filled;
        await using Visit visit = await Visit.OpenAsync(chromium, server, "alice", script: true);
        await visit.Page.EmulateMediaAsync(new() { ColorScheme = scheme });
        foreach (string path in Pages)
        {
            await visit.GoAsync(path.Replace("{request}", request, StringComparison.Ordinal));
            foreach (int width in (int[])[360, 1280])
            {
                await visit.Page.SetViewportSizeAsync(width, 800);
                if (width == looked)
                {
                    await visit.AssertAccessibleAsync($"{path} {width}");
                }

                await visit.AssertFitsAsync($"{path} {width}");
            }
        }

        Assert.Empty(visit.Faults);
    }

    [Fact]
    public async Task No_page_needs_a_script_or_anybody_else()
    {
        (AdministrationServer filled, string request) = await Fleets.FilledAsync();
        await using AdministrationServer server = filled;
        await using Visit visit = await Visit.OpenAsync(chromium, server, "alice");
        foreach (string path in Pages)
        {
            IResponse page = (await visit.Page.GotoAsync($"/console{path.Replace("{request}", request, StringComparison.Ordinal)}"))!;
            Assert.Equal(path == "/nothing" ? 404 : 200, page.Status);
            Assert.Equal("default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'", await page.HeaderValueAsync("content-security-policy"));
            Assert.Equal("nosniff", await page.HeaderValueAsync("x-content-type-options"));
            Assert.Equal("no-store", await page.HeaderValueAsync("cache-control"));
            Assert.Equal("same-origin", await page.HeaderValueAsync("referrer-policy"));
            Assert.Equal(0, await visit.Page.Locator("script, [style], [onclick], [onload], [onerror]").CountAsync());
        }

        Assert.Empty(visit.Faults);
    }

    [Fact]
    public async Task The_first_page_says_what_needs_a_person()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await Fleets.FillAsync(server);
        await server.Broker.Administration.RotateAsync(BrokerUnderTest.Everything, Fleets.Kek, null, Cancellation);
        await server.Broker.State.SetVersionStateAsync(Fleets.Kek, 2, enabled: false, Cancellation);
        await server.Broker.State.ScheduleDestroyAsync(Fleets.Kek, 1, server.Broker.Time.GetUtcNow().AddDays(3), Cancellation);
        await using Visit visit = await Visit.OpenAsync(chromium, server, "carol");
        Assert.Equal(200, await visit.GoAsync("/"));
        string text = await visit.TextAsync();
        Assert.Contains("KEK payments takes no writes", text, StringComparison.Ordinal);
        Assert.Contains("KEK payments version 1 will be destroyed", text, StringComparison.Ordinal);
        Assert.Contains("Of 3 enclaves nothing can be told", text, StringComparison.Ordinal);
        Assert.Contains("No checkpoint of the audit log goes outside", text, StringComparison.Ordinal);
        Assert.Contains("carol (auditor)", text, StringComparison.Ordinal);
        Assert.Empty(visit.Faults);
    }

    [Fact]
    public async Task The_fleet_is_seen_filtered_and_part_by_part()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await Fleets.FillAsync(server, others: 70);
        await using Visit visit = await Visit.OpenAsync(chromium, server, "dora");
        await visit.GoAsync("/fleet");
        Assert.Contains("1 to 50 of 71", await visit.TextAsync(), StringComparison.Ordinal);
        await visit.Page.GetByRole(AriaRole.Link, new() { Name = "Next" }).ClickAsync();
        Assert.Contains("51 to 71 of 71", await visit.TextAsync(), StringComparison.Ordinal);
        await visit.Page.GetByLabel("begins with").FillAsync(server.Enclave.Instance[..8]);
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Show" }).ClickAsync();
        ILocator rows = visit.Page.GetByRole(AriaRole.Region, new() { Name = "Enclaves" }).Locator("tbody tr");
        Assert.Equal(1, await rows.CountAsync());
        string row = await rows.First.InnerTextAsync();
        Assert.Contains("release 1.4.2", row, StringComparison.Ordinal);
        Assert.Contains("UpToDate", row, StringComparison.Ordinal);
        Assert.Contains("accepted", row, StringComparison.Ordinal);
        await rows.First.GetByRole(AriaRole.Link).ClickAsync();
        Assert.Contains(server.Enclave.Measurement, await visit.TextAsync(), StringComparison.Ordinal);

        // What was refused last is said, with the step.
        await visit.GoAsync("/fleet?begins=other-0000");
        Assert.Contains("tcb.statuses", await visit.Page.Locator("tbody tr").First.InnerTextAsync(), StringComparison.Ordinal);
        Assert.Empty(visit.Faults);
    }

    [Fact]
    public async Task The_audit_log_is_verified_in_the_page()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await Fleets.FillAsync(server);
        await using Visit visit = await Visit.OpenAsync(chromium, server, "carol");
        await visit.GoAsync("/audit");
        Assert.Contains("names the one before it", await visit.TextAsync(), StringComparison.Ordinal);
        Assert.Contains("signed by this broker", await visit.TextAsync(), StringComparison.Ordinal);
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Verify" }).ClickAsync();
        Assert.Contains("is what was written", await visit.TextAsync(), StringComparison.Ordinal);

        await visit.GoAsync("/audit?kind=kek.create");
        Assert.Equal(1, await visit.Page.GetByRole(AriaRole.Region, new() { Name = "Entries" }).Locator("tbody tr").CountAsync());

        // Somebody changes what an entry says.
        server.Broker.WriteDatabase("UPDATE AuditEntries SET Details = '{\"by\":\"nobody\"}' WHERE Kind = 'kek.create'");
        await visit.GoAsync("/audit");
        Assert.Contains("the entry was changed", await visit.TextAsync(), StringComparison.Ordinal);
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Verify" }).ClickAsync();
        Assert.Contains("the entry was changed", await visit.TextAsync(), StringComparison.Ordinal);
        Assert.Empty(visit.Faults);
    }

    [Fact]
    public async Task Who_is_no_auditor_does_not_see_the_audit_log()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await using Visit visit = await Visit.OpenAsync(chromium, server, "bob");
        Assert.Equal(403, await visit.GoAsync("/audit"));
        Assert.Contains("it takes the role Auditor", await visit.TextAsync(), StringComparison.Ordinal);
        Assert.Equal(200, await visit.GoAsync("/"));
    }
}
