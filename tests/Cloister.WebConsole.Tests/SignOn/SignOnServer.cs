using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Cloister.Audit;
using Cloister.Broker.Administration;
using Cloister.Broker.Administration.Tests.Http;
using Cloister.Broker.WebConsole.SignOn;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace Cloister.WebConsole.Tests.SignOn;

/// <summary>A console where people sign on, at a provider, beside the one for certificates.</summary>
internal sealed class SignOnServer : IAsyncDisposable
{
    internal static readonly IReadOnlyList<SignOnRole> Roles =
    [
        new("readers", AdministratorRole.None), new("auditors", AdministratorRole.Auditor), new("operators", AdministratorRole.Operator), new("custodians", AdministratorRole.KeyCustodian),
    ];

    private static readonly Lazy<Task> Warm = new(WarmAsync);

    private readonly X509Certificate2 _certificate = Certificates.OfLoopback();
    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-signon-").FullName;
    private WebApplication? _host;

    private SignOnServer(AdministrationServer broker, int port) => (Broker, Address) = (broker, new Uri($"https://127.0.0.1:{port}/"));

    internal AdministrationServer Broker { get; }

    internal OpenIdProvider Provider { get; private set; } = null!;

    internal SignOnConsole Console { get; private set; } = null!;

    internal Uri Address { get; }

    /// <summary>What the console logged.</summary>
    internal ConcurrentQueue<string> Log { get; } = new();

    /// <summary>Starts all three.</summary>
    /// <param name="change">Changes the options.</param>
    internal static async Task<SignOnServer> StartAsync(Func<SignOnOptions, SignOnOptions>? change = null)
    {
        await Warm.Value;
        SignOnServer server = await StartOneAsync(change);
        if (change is null)
        {
            // The console has the provider's documents: what a test does first does not wait for them.
            using Browser first = server.Open();
            (await first.InvitedAsync("/console/")).Dispose();
            server.Log.Clear();
        }

        return server;
    }

    // A provider whose code was never run is slower than the console waits for on a busy machine.
    private static async Task WarmAsync()
    {
        await using SignOnServer server = await StartOneAsync();
        server.Provider.Groups = ["operators"];
        using Browser browser = server.Open();
        for (int attempt = 1; await browser.SignOnAsync() == HttpStatusCode.ServiceUnavailable && attempt < 5; attempt++)
        {
        }
    }

    private static async Task<SignOnServer> StartOneAsync(Func<SignOnOptions, SignOnOptions>? change = null)
    {
        SignOnServer server = new(await AdministrationServer.StartAsync(), Certificates.FreePort());
        server.Provider = await OpenIdProvider.StartAsync(new Uri(server.Address, "/console/signed-on"));
        SignOnOptions options = new()
        {
            Url = server.Address, Issuer = server.Provider.Issuer, ClientId = OpenIdProvider.ClientId, ClientSecret = OpenIdProvider.Secret,
            CaFile = server.Provider.WriteAuthority(server._folder), RoleClaim = "groups", Roles = Roles,
        };
        server.Console = new SignOnConsole(server.Broker.Services, change?.Invoke(options) ?? options, server.Log.Enqueue);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        server.Console.AddTo(builder.Services);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, server.Address.Port, listener => listener.UseHttps(server._certificate)));
        server._host = builder.Build();
        server.Console.Map(server._host);
        await server._host.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    /// <summary>A browser that has not signed on.</summary>
    internal Browser Open() => new(Address, Provider.Issuer);

    /// <summary>What the audit log says, of a kind.</summary>
    internal async Task<IReadOnlyList<JsonNode>> AuditAsync(string kind)
    {
        List<JsonNode> entries = [];
        await foreach (AuditEntry entry in Broker.Broker.State.ReadAuditAsync(0, TestContext.Current.CancellationToken))
        {
            if (entry.Kind == kind)
            {
                entries.Add(JsonNode.Parse(entry.Details)!);
            }
        }

        return entries;
    }

    public async ValueTask DisposeAsync()
    {
        await _host!.DisposeAsync();
        await Provider.DisposeAsync();
        await Broker.DisposeAsync();
        _certificate.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
