using System.Net;
using Cloister.Broker.Host.Configuration;
using Cloister.Collateral;

namespace Cloister.Broker.Host.Hosting;

/// <summary>Opens the sources of collateral that are configured.</summary>
internal static class CollateralSources
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    /// <summary>For SGX and TDX.</summary>
    public static IDcapCollateralSource Open(CollateralOptions options) =>
        options.Pccs is { } pccs ? new PcsClient(Client(options.Proxy), PcsClientOptions.ForPccs(pccs)) : new DirectoryCollateralSource(options.Directory!);

    /// <summary>For SEV-SNP; null when guests have to send all of it.</summary>
    public static ISnpCollateralSource? OpenSnp(CollateralOptions options, TimeProvider clock) =>
        options.Kds is { } kds ? new KdsSnpSource(new KdsClient(Client(options.Proxy), kds), clock)
        : options.Directory is { } directory ? new DirectorySnpSource(directory)
        : null;

    // Through a proxy only when the configuration names one; what the environment says is for others. Collateral is signed: who carries it does not matter.
    private static HttpClient Client(Uri? proxy) => new(new SocketsHttpHandler
    {
        UseProxy = proxy is not null,
        Proxy = proxy is null ? null : new WebProxy(proxy),
        UseCookies = false,
        AllowAutoRedirect = false,
        ConnectTimeout = Timeout,
    }) { Timeout = Timeout };
}
