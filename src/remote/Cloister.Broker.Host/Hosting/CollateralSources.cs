using System.Security.Cryptography;
using Cloister.Broker.Host.Configuration;
using Cloister.Collateral;

namespace Cloister.Broker.Host.Hosting;

/// <summary>Opens the sources of collateral that are configured.</summary>
internal static class CollateralSources
{
    /// <summary>For SGX and TDX.</summary>
    /// <param name="options">Which.</param>
    /// <param name="early">Whether early collateral is wanted, which decides nothing.</param>
    /// <exception cref="BrokerConfigurationException">The authorities' file is not what it should be.</exception>
    public static IDcapCollateralSource Open(CollateralOptions options, bool early)
    {
        if (options.Directory is { } directory)
        {
            return new DirectoryCollateralSource(directory, early);
        }

        PcsClientOptions service = options.Pccs is { } pccs ? PcsClientOptions.ForPccs(pccs)
            : options.RootCaCrl is { } crl ? new PcsClientOptions { Service = options.Pcs!, RootCaCrl = crl }
            : new PcsClientOptions { Service = options.Pcs! };
        return new PcsClient(Client(options.Proxy, "ca", options.Ca), service with { EarlyUpdates = early });
    }

    /// <summary>For SEV-SNP; null when guests have to send all of it.</summary>
    /// <exception cref="BrokerConfigurationException">The authorities' file is not what it should be.</exception>
    public static ISnpCollateralSource? OpenSnp(CollateralOptions options, TimeProvider clock) =>
        options.Kds is { } kds ? new KdsSnpSource(new KdsClient(Client(options.Proxy, "kdsCa", options.KdsCa), kds), clock)
        : options.Directory is { } directory ? new DirectorySnpSource(directory)
        : null;

    private static HttpClient Client(Uri? proxy, string field, string? authorities)
    {
        try
        {
            return CollateralHttp.Client(proxy, authorities is null || authorities.Contains("-----BEGIN", StringComparison.Ordinal) ? authorities : File.ReadAllText(authorities));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new BrokerConfigurationException($"collateral.{field}: {e.Message}");
        }
    }
}
