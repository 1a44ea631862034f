using Cloister.Broker.Administration.Tests.Http;

namespace Cloister.WebConsole.Tests;

/// <summary>The pictures of docs/console.md: made when somebody asks for them.</summary>
public sealed class ScreenshotTests(Chromium chromium)
{
    [Fact(Explicit = true)]
    public async Task Pictures_for_the_documentation()
    {
        string folder = Environment.GetEnvironmentVariable("CLOISTER_SCREENSHOTS") ?? "";
        Assert.SkipUnless(folder.Length > 0, "CLOISTER_SCREENSHOTS names no folder");
        (AdministrationServer filled, string request) = await Fleets.FilledAsync();
        await using AdministrationServer server = filled;
        await using Visit visit = await Visit.OpenAsync(chromium, server, "alice");
        await visit.Page.SetViewportSizeAsync(1000, 700);
        foreach ((string name, string path) in ((string, string)[])[("overview", "/"), ("fleet", "/fleet"), ("key", $"/keys/{Fleets.Kek}"), ("approval", $"/approvals/{request}")])
        {
            await visit.GoAsync(path);
            await visit.Page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"console-{name}.png") });
        }

        Assert.Equal(4, Directory.GetFiles(folder, "console-*.png").Length);
    }
}
