using Cloister.Broker.Host.Configuration;
using Cloister.Collateral;

namespace Cloister.Broker.Host.Hosting;

/// <summary>Opens the source of DCAP collateral that is configured.</summary>
internal static class CollateralSources
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    /// <summary>The source.</summary>
    public static IDcapCollateralSource Open(CollateralOptions options) => options.Pccs is { } pccs
        ? new PcsClient(new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { Timeout = Timeout }, PcsClientOptions.ForPccs(pccs))
        : new DirectoryCollateralSource(options.Directory!);
}
