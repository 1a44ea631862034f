using System.CommandLine;

namespace Cloister.Cli.Config;

/// <summary>How an API server that reads an EncryptionConfiguration is started, as far as its verdict depends on that.</summary>
internal static class EncryptionConfigurationOptions
{
    internal static Option<bool> Reload() => new("--automatic-reload") { Description = "the API server runs with --encryption-provider-config-automatic-reload" };

    internal static Option<bool> KmsV1() => new("--kms-v1") { Description = "the API server runs with --feature-gates=KMSv1=true" };
}
