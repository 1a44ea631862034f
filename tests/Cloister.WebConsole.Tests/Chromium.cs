using Microsoft.Playwright;

[assembly: AssemblyFixture(typeof(Cloister.WebConsole.Tests.Chromium))]

namespace Cloister.WebConsole.Tests;

/// <summary>Debian's Chromium, without a screen: one process for all tests, a context for each.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private const string Program = "/usr/bin/chromium";

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    /// <summary>The browser; a test that needs it is skipped where there is none.</summary>
    internal IBrowser Browser
    {
        get
        {
            Assert.SkipUnless(File.Exists(Program), $"there is no {Program}: apt-get install chromium (eng/setup)");
            return _browser!;
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (File.Exists(Program))
        {
            _playwright = await Playwright.CreateAsync();

            // Chromium's sandbox does not start as root; what it is shown here is our own.
            _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Program, Args = ["--no-sandbox", "--disable-gpu"] });
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        _playwright?.Dispose();
    }
}
