using Cloister.Broker.Host.Configuration;
using Cloister.Certificates;
using Cloister.Kbs;

namespace Cloister.Broker.Host.Hosting;

/// <summary>
/// The files that a configuration names and that a start needs no database, token or network for: certificates, authorities, the console's secret at its
/// provider. A start and <c>--check</c> read them with this, so either says the same, and all of it. secrets: that secret and the key of TLS, read and forgotten.
/// </summary>
internal static class ConfigurationFiles
{
    /// <summary>Reads them.</summary>
    /// <exception cref="BrokerConfigurationException">One cannot be read, or is not what it should be; a line for each.</exception>
    internal static void Check(BrokerConfiguration configuration)
    {
        string[] errors = [.. Readings(configuration).Select(ErrorOf).OfType<string>().Distinct()];
        if (errors.Length > 0)
        {
            throw new BrokerConfigurationException(string.Join('\n', errors));
        }
    }

    private static IEnumerable<(string Field, Action Read)> Readings(BrokerConfiguration configuration)
    {
        if (configuration.Tls is { } tls)
        {
            yield return ("tls", () => ServerCertificate.CheckFiles(CertificateRole.Broker, tls));
            if (configuration.Admin is not null)
            {
                yield return ("tls", () => ServerCertificate.CheckFiles(CertificateRole.Administration, tls));
            }
        }

        (string Field, string? Path)[] authorities =
        [
            ("collateral.ca", PathOf(configuration.Collateral.Ca)), ("collateral.kdsCa", PathOf(configuration.Collateral.KdsCa)), ("traces.ca", configuration.Traces?.CaFile),
            .. configuration.Audit.Targets.Select((target, i) => ($"audit.checkpoints[{i}].caFile", target.CaFile)),
            .. configuration.Audit.Witnesses.Select((witness, i) => ($"audit.witnesses[{i}].caFile", witness.CaFile)),
            ("admin.console.signOn.ca", configuration.Admin?.SignOn?.Options.CaFile),
        ];
        foreach ((string field, string path) in authorities.Where(one => one.Path is not null).Select(one => (one.Field, one.Path!)))
        {
            yield return (field, () => PemFiles.ReadAuthorities(path));
        }

        if (configuration.Admin?.SignOn is { } signOn)
        {
            yield return ("admin.console.signOn.clientSecretFile", () => signOn.ReadSecret());
        }
    }

    // Certificates may stand in the configuration itself.
    private static string? PathOf(string? authorities) => authorities?.Contains("-----BEGIN", StringComparison.Ordinal) == true ? null : authorities;

    private static string? ErrorOf((string Field, Action Read) reading)
    {
        try
        {
            reading.Read();
            return null;
        }
        catch (Exception e) when (e is PemException or FormatException or IOException or UnauthorizedAccessException)
        {
            return $"{reading.Field}: {e.Message}";
        }
    }
}
