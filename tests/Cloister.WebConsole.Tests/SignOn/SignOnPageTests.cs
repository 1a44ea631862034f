using Microsoft.Playwright;

namespace Cloister.WebConsole.Tests.SignOn;

/// <summary>What somebody who signs on is shown, in a real browser: refused, signed on, ended, signed off, and a provider that is away.</summary>
public sealed class SignOnPageTests(Chromium chromium)
{
    [Theory]
    [InlineData(ColorScheme.Light, 360)]
    [InlineData(ColorScheme.Dark, 1280)]
    public async Task No_page_of_signing_on_has_a_fault_that_axe_finds(ColorScheme scheme, int width)
    {
        await using SignOnServer server = await SignOnServer.StartAsync();
        await using Visit visit = await Visit.OpenAsync(chromium, server.Address, certificate: null, script: true, server.Provider.Issuer);
        await visit.Page.EmulateMediaAsync(new() { ColorScheme = scheme });
        await visit.Page.SetViewportSizeAsync(width, 800);

        server.Provider.Groups = [];
        Assert.Equal(403, await visit.GoAsync("/"));
        await LookAsync("who is nobody here", "has no value in the claim groups");

        server.Provider.Groups = ["operators"];
        Assert.Equal(200, await visit.GoAsync("/"));
        await LookAsync("signed on", server.Provider.Subject);
        Assert.Equal(403, await visit.GoAsync("/audit"));
        await LookAsync("a page of another role", "it takes the role Auditor");

        // The session ends while a form is open.
        Assert.Equal(200, await visit.GoAsync("/revocations"));
        await LookAsync("a form", "At once where enclaves watch");
        server.Console.Replace(SignOnServer.Roles);
        await visit.Page.GetByLabel("which").FillAsync("instance-7");
        await visit.Page.GetByLabel("why").FillAsync("left the rack");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Revoke" }).ClickAsync();
        await LookAsync("a session that has ended", "your session has ended");
        Assert.Empty(await server.AuditAsync("revoke"));

        Assert.Equal(200, await visit.GoAsync("/"));
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Sign off" }).ClickAsync();
        await LookAsync("signed off", "You have signed off");

        await using SignOnServer away = await SignOnServer.StartAsync(options => options with { Issuer = $"https://127.0.0.1:{Certificates.FreePort()}/" });
        await using Visit later = await Visit.OpenAsync(chromium, away.Address, certificate: null, script: true);
        await later.Page.EmulateMediaAsync(new() { ColorScheme = scheme });
        await later.Page.SetViewportSizeAsync(width, 800);
        Assert.Equal(503, await later.GoAsync("/"));
        Assert.Contains("does not answer", await later.TextAsync(), StringComparison.Ordinal);
        await later.AssertAccessibleAsync("a provider that is away");
        await later.AssertFitsAsync("a provider that is away");
        Assert.Empty(visit.Faults.Concat(later.Faults));

        async Task LookAsync(string what, string text)
        {
            Assert.Contains(text, await visit.TextAsync(), StringComparison.Ordinal);
            await visit.AssertAccessibleAsync(what);
            await visit.AssertFitsAsync(what);
        }
    }
}
