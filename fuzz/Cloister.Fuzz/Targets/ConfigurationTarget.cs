using System.Text;
using Cloister.Enclave.Configuration;

namespace Cloister.Fuzz.Targets;

/// <summary>The configuration reader.</summary>
internal sealed class ConfigurationTarget : IFuzzTarget
{
    public string Name => "configuration";

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        Encoding.UTF8.GetBytes("""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: prod-eu-1
            provider: tee
            kms:
              listen: unix:/run/cloister/kms.sock
              socket: {mode: "0660", owner: 0, group: 0, allowedUids: [0, 1000]}
              maxConnections: 64
            admin:
              listen: unix:/run/cloister/admin.sock
            custody:
              mode: remote
              remote: {timeout: 2s, poolSize: 64, dekMaxUses: 10, dekMaxAge: 10m, cacheEntries: 100}
            state:
              directory: /var/lib/cloister
            """),
        Encoding.UTF8.GetBytes("apiVersion: cloister.dev/v1alpha1\nkind: EnclaveConfiguration\ncluster: a\nprovider: b\nkms: {listen: \"tcp:127.0.0.1:0\", relay: {pins: [\"sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]}}\ncustody: {mode: manual}\n"),
        Encoding.UTF8.GetBytes("- [a, {b: c}]\n--- |\n  text\n"),
    ];

    public bool Run(ReadOnlySpan<byte> input)
    {
        try
        {
            EnclaveConfiguration configuration = EnclaveConfigurationReader.Read(Encoding.UTF8.GetString(input));
            if (configuration.Kms is null || configuration.Context.Provider.Contains(':'))
            {
                throw new InvalidOperationException("an incomplete configuration was accepted");
            }

            return true;
        }
        catch (ConfigurationException e) when (e.Errors.Count > 0)
        {
            return false;
        }
    }
}
