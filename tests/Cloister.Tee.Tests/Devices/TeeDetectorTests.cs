using Cloister.Enclave.Configuration;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tees;
using Cloister.Enclave.Tees.Sgx;
using Cloister.Tee.Tests.Support;

namespace Cloister.Tee.Tests.Devices;

/// <summary>Which TEE is found, and the section of the configuration that belongs to it.</summary>
public sealed class TeeDetectorTests
{
    private const string Valid = """
        apiVersion: cloister.dev/v1alpha1
        kind: EnclaveConfiguration
        cluster: cluster-1
        provider: cloister
        kms:
          listen: tcp:127.0.0.1:0
          unauthenticated: true
        custody:
          mode: manual

        """;

    [Fact]
    public void Without_a_device_there_is_no_TEE() =>
        Assert.StartsWith("no TEE here", Sample.NotFound(new FakeMachine()), StringComparison.Ordinal);

    [Fact]
    public void The_devices_of_this_machine_are_looked_at()
    {
        Assert.SkipWhen(File.Exists(GramineFiles.AttestationType) || File.Exists("/dev/tdx_guest") || File.Exists("/dev/sev-guest") || File.Exists("/dev/nsm"), "this machine has a TEE");
        Assert.Null(TeeDetector.Find(out _, out string whatToDo));
        Assert.StartsWith("no TEE here", whatToDo, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "MRENCLAVE")]
    [InlineData("tee:\n  sealTo: enclave\n", "MRENCLAVE")]
    [InlineData("tee:\n  sealTo: signer\n", "MRSIGNER")]
    public void SGX_seals_to_what_the_configuration_says(string section, string words)
    {
        ITee tee = Assert.IsAssignableFrom<ITee>(TeeDetector.Find(new GramineMachine(), PageProtection.Real, Sample.Gate, out TeeOptions options, out _));
        EnclaveConfigurationReader.Read(Valid + section, options.Read);
        Assert.Contains(words, tee.Sealer!.Description, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tee:\n  sealTo: everybody\n")]
    [InlineData("tee:\n  sealTo: enclave\n  more: 1\n")]
    public void Another_choice_is_refused(string section)
    {
        TeeDetector.Find(new GramineMachine(), PageProtection.Real, Sample.Gate, out TeeOptions options, out _);
        Assert.Throws<ConfigurationException>(() => EnclaveConfigurationReader.Read(Valid + section, options.Read));
    }

    [Fact]
    public void Other_TEEs_have_no_choice()
    {
        TeeDetector.Find(new NitroMachine(), PageProtection.Real, Sample.Gate, out TeeOptions options, out _);
        ConfigurationException refusal = Assert.Throws<ConfigurationException>(() => EnclaveConfigurationReader.Read(Valid + "tee:\n  sealTo: enclave\n", options.Read));
        Assert.Contains("only SGX", Assert.Single(refusal.Errors).ToString(), StringComparison.Ordinal);
    }
}
