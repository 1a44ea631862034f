using System.Reflection;
using Cloister.Enclave.Configuration;

namespace Cloister.Tee.Tests.Sgx;

/// <summary>The configurations that docs/install.md starts from under Gramine: they are read, and nothing in them ends with a certificate.</summary>
public sealed class GramineConfigurationTests
{
    [Fact]
    public void The_plain_one_serves_relays_by_their_keys()
    {
        EnclaveConfiguration read = Read("enclave.yaml");
        Assert.Equal(("attested", "tcp:127.0.0.1:7400", 1, false), (read.Custody, read.Kms!.Address.Text, read.Kms.RelayPins.Count, read.Gateway is not null));
    }

    [Fact]
    public void The_one_with_the_gateway_leaves_certificates_to_the_broker_and_needs_no_socket_of_the_KMS()
    {
        EnclaveConfiguration read = Read("enclave-gateway.yaml");
        Assert.Null(read.Kms);
        Assert.Null(read.Admin);
        Assert.Null(read.Gateway!.CertificatePath);
        Assert.Null(read.Gateway.KeyPath);
        Assert.True(read.Gateway.ClientCaBinding.IsOfBroker);
        Assert.True(read.Gateway.EtcdCaBinding.IsOfBroker);
        Assert.Empty(read.Gateway.Unbound);
        Assert.All([read.Gateway.EtcdCertificatePath!, read.Gateway.EtcdKeyPath!], path => Assert.StartsWith("/etc/cloister/host/", path, StringComparison.Ordinal));
    }

    private static EnclaveConfiguration Read(string name)
    {
        string folder = typeof(GramineConfigurationTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == "GramineFolder").Value!;
        return EnclaveConfigurationReader.Read(File.ReadAllText(Path.Combine(folder, name)));
    }
}
