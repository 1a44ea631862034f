using System.Net;
using Cloister.Broker.Host.Admission;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Cloister.Broker.Host.Hosting;

/// <summary>
/// One HTTPS address with its routes. Bounded against clients that open much and send little: handshake and headers have 5 s, bodies come at
/// 1 KiB/s or more and have at most 1 MiB; connections are <see cref="ConnectionPlaces"/>'s.
/// </summary>
internal sealed class WebListener : IAsyncDisposable
{
    private static readonly TimeSpan HeadersTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(2);

    private readonly WebApplication _application;

    private WebListener(WebApplication application, string address)
    {
        _application = application;
        Address = address;
    }

    /// <summary><c>https://ADDRESS:PORT</c>, with the port that was chosen.</summary>
    public string Address { get; }

    /// <summary>Listens.</summary>
    /// <exception cref="IOException">The address cannot be listened on.</exception>
    public static async Task<WebListener> StartAsync(
        IPEndPoint endPoint, TlsHandshakeCallbackOptions tls, int mostConnections, ILoggerFactory logs, Action<WebApplication> map, CancellationToken cancellation, Action<IServiceCollection>? add = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore().AddSingleton(logs).AddSingleton<IHostLifetime, OwnerLifetime>();
        add?.Invoke(builder.Services);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            Limit(kestrel);
            kestrel.Listen(endPoint, listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                new ConnectionPlaces(mostConnections).Use(listen);
                listen.UseHttps(tls);
            });
        });
        WebApplication application = builder.Build();
        try
        {
            map(application);
            await application.StartAsync(cancellation);
            string address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
            return new WebListener(application, address);
        }
        catch
        {
            await application.DisposeAsync();
            throw;
        }
    }

    /// <summary>Takes no more requests, lets those under way end within 2 s, and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        using CancellationTokenSource drain = new(DrainTime);
        await _application.StopAsync(drain.Token);
        await _application.DisposeAsync();
    }

    private static void Limit(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = Kbs.KbsPaths.MaxBodySize;
        kestrel.Limits.MaxRequestHeadersTotalSize = 64 * 1024; // a token of a lease is some KiB
        kestrel.Limits.RequestHeadersTimeout = HeadersTimeout;
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
        kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(1024, HeadersTimeout);
    }

    // Signals are the program's business: it stops its listeners and then what they use.
    private sealed class OwnerLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
