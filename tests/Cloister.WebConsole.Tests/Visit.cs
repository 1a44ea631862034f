using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Cloister.Broker.Administration.Tests.Http;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace Cloister.WebConsole.Tests;

/// <summary>Somebody at the console with a browser of their own. Whatever the browser complains of, and every request to somewhere else, is a fault.</summary>
internal sealed class Visit : IAsyncDisposable
{
    private readonly IBrowserContext _context;
    private readonly List<string> _faults = [];
    private readonly string? _provider;

    private Visit(IBrowserContext context, IPage page, Uri address, string? provider)
    {
        (_context, Page, Address, _provider) = (context, page, address, provider);
        Watch(page);
    }

    internal IPage Page { get; }

    internal Uri Address { get; }

    /// <summary>What the browser said no to, and what was asked of others.</summary>
    internal IReadOnlyList<string> Faults
    {
        get
        {
            lock (_faults)
            {
                return [.. _faults];
            }
        }
    }

    /// <summary>Opens a browser.</summary>
    /// <param name="chromium">The browser.</param>
    /// <param name="server">The console.</param>
    /// <param name="person">Whose certificate it has; null: none.</param>
    /// <param name="script">Whether scripts could run.</param>
    internal static Task<Visit> OpenAsync(Chromium chromium, AdministrationServer server, string? person, bool script = false) =>
        OpenAsync(chromium, server.Address, person is null ? null : server.CertificateOf(person), script);

    /// <summary>Opens a browser that has a certificate for an address; null: none.</summary>
    /// <param name="chromium">The browser.</param>
    /// <param name="address">The console.</param>
    /// <param name="certificate">The certificate.</param>
    /// <param name="script">Whether scripts could run.</param>
    /// <param name="provider">Where people sign on, which a browser may go to as well; null: nowhere.</param>
    internal static async Task<Visit> OpenAsync(Chromium chromium, Uri address, X509Certificate2? certificate, bool script = false, string? provider = null)
    {
        IBrowserContext context = await chromium.Browser.NewContextAsync(new()
        {
            IgnoreHTTPSErrors = true, JavaScriptEnabled = script, ViewportSize = new() { Width = 1280, Height = 900 }, BaseURL = address.ToString(), Locale = "en-GB",
            ClientCertificates = certificate is null ? null : [new() { Origin = address.ToString().TrimEnd('/'), Cert = Pem(certificate), Key = PemKey(certificate) }],
        });
        context.SetDefaultTimeout(60_000);
        return new Visit(context, await context.NewPageAsync(), address, provider);
    }

    /// <summary>Goes to a page of the console and waits for it.</summary>
    /// <returns>The status.</returns>
    internal async Task<int> GoAsync(string path) => (await Page.GotoAsync($"/console{path}"))!.Status;

    /// <summary>Nothing of the page that is shown is a fault that axe finds.</summary>
    internal async Task AssertAccessibleAsync(string what)
    {
        AxeResult result = await Page.RunAxe();
        Assert.NotEmpty(result.Passes);
        Assert.Empty(result.Violations.Select(one => $"{what}: {one.Id}: {one.Help}: {string.Join("; ", one.Nodes.Select(node => node.Html))}"));
    }

    /// <summary>Nothing but what scrolls by itself is wider than the screen.</summary>
    internal async Task AssertFitsAsync(string what) =>
        Assert.True(await Page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= window.innerWidth"), $"{what} is wider than the screen");

    /// <summary>The page's text.</summary>
    internal Task<string> TextAsync() => Page.Locator("body").InnerTextAsync();

    public async ValueTask DisposeAsync() => await _context.DisposeAsync();

    private static byte[] Pem(X509Certificate2 certificate) => Encoding.ASCII.GetBytes(certificate.ExportCertificatePem());

    private static byte[] PemKey(X509Certificate2 certificate)
    {
        using ECDsa key = certificate.GetECDsaPrivateKey()!;
        return Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem());
    }

    private void Watch(IPage page)
    {
        page.Console += (_, message) => Add(message.Type == "error" && !message.Text.StartsWith("Failed to load resource", StringComparison.Ordinal), $"{message.Type}: {message.Text}");
        page.PageError += (_, error) => Add(true, error);
        page.Dialog += (_, dialog) =>
        {
            Add(true, $"dialog: {dialog.Message}");
            _ = dialog.DismissAsync();
        };
        page.Request += (_, request) => Add(
            !request.Url.StartsWith(Address.ToString(), StringComparison.Ordinal) && !(_provider is not null && request.Url.StartsWith(_provider, StringComparison.Ordinal)), $"request: {request.Url}");
    }

    private void Add(bool isFault, string fault)
    {
        if (isFault)
        {
            lock (_faults)
            {
                _faults.Add(fault);
            }
        }
    }
}
