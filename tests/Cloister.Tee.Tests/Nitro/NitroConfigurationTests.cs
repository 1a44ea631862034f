using System.Reflection;
using Cloister.Enclave.Configuration;

namespace Cloister.Tee.Tests.Nitro;

/// <summary>The configuration that docs/install.md starts from.</summary>
public sealed class NitroConfigurationTests
{
    [Fact]
    public void It_is_read_and_needs_nothing_but_vsock()
    {
        string file = typeof(NitroConfigurationTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == "NitroConfiguration").Value!;
        EnclaveConfiguration read = EnclaveConfigurationReader.Read(File.ReadAllText(file));
        Assert.Equal(
            ("attested", "vsock:7400", "vsock:7401", "vsock:3:8443"),
            (read.Custody, read.Kms!.Address.Text, read.Admin!.Address.Text, Assert.Single(read.Broker!.Via).ToString()));
        Assert.Equal((1, 1), (read.Kms.RelayPins.Count, read.Admin.RelayPins.Count));
        Assert.Null(read.StateDirectory);
    }
}
