using Cloister.Enclave.Vm;

namespace Cloister.EnclaveVm.Tests.Cases;

/// <summary>What the init reads, without a machine.</summary>
public sealed class MachineTests
{
    [Fact]
    public void An_address_is_read()
    {
        MachineNetwork network = MachineNetwork.Parse("address 10.0.2.15/24\ngateway 10.0.2.2\n");
        Assert.Equal(("10.0.2.15", 24, "10.0.2.2"), ($"{network.Address}", network.Bits, $"{network.Gateway}"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("address 10.0.2.15\ngateway 10.0.2.2\n")]
    [InlineData("address 10.0.2.15/0\ngateway 10.0.2.2\n")]
    [InlineData("address 10.0.2.15/32\ngateway 10.0.2.2\n")]
    [InlineData("address 10.2/24\ngateway 10.0.2.2\n")]
    [InlineData("address 010.0.2.15/24\ngateway 10.0.2.2\n")]
    [InlineData("address fe80::1/24\ngateway 10.0.2.2\n")]
    [InlineData("address 10.0.2.15/24\n")]
    [InlineData("address 10.0.2.15/24\ngateway 10.0.2.2\nmore\n")]
    [InlineData("gateway 10.0.2.2\naddress 10.0.2.15/24\n")]
    public void Anything_else_is_refused(string text) => Assert.Contains("in IPv4, a line each", Assert.Throws<MachineException>(() => MachineNetwork.Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("processor\t: 0\nflags\t\t: fpu vme rdrand rdseed\n", true)]
    [InlineData("flags\t\t: fpu rdrand\n", true)]
    [InlineData("flags\t\t: fpu rdseed\n", false)]
    [InlineData("flags\t\t: fpu xrdrand\n", false)]
    [InlineData("bugs\t\t: rdrand\n", false)]
    [InlineData("", false)]
    public void Random_numbers_of_the_processor_are_required(string processors, bool there)
    {
        if (there)
        {
            MachineSetup.RequireEntropy(processors);
        }
        else
        {
            Assert.Contains("RDRAND", Assert.Throws<MachineException>(() => MachineSetup.RequireEntropy(processors)).Message, StringComparison.Ordinal);
        }
    }
}
