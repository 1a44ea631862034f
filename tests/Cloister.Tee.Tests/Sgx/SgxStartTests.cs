using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tees.Devices;
using Cloister.Enclave.Tees.Sgx;
using Cloister.Tee.Tests.Support;

namespace Cloister.Tee.Tests.Sgx;

/// <summary>When an enclave under Gramine starts, and why it does not.</summary>
public sealed class SgxStartTests
{
    private readonly GramineMachine _machine = new();

    [Fact]
    public void It_starts_without_the_hosts_help()
    {
        _machine.Quote = _ => throw new InvalidOperationException("no quote is needed to start");
        ITee tee = Sample.Found(_machine);
        Assert.Equal("sgx", tee.Name);
        Assert.False(tee.IsSimulated);
        Assert.True(tee.EncryptsMemory);
        Assert.NotNull(tee.Sealer);
        Assert.Contains("sgx.trusted_files", tee.CheckConfiguration(Sample.Configuration), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("none", "sgx.remote_attestation")]
    [InlineData("epid", "sgx.remote_attestation")]
    [InlineData("dcap\nno more", "holds no text")]
    [InlineData("", "holds no text")]
    public void Another_attestation_type_is_refused(string type, string words)
    {
        _machine.Type = type;
        Assert.Contains(words, Sample.NotFound(_machine), StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_end_after_the_type_is_none_of_it()
    {
        _machine.Type = "dcap\n";
        Sample.Found(_machine);
    }

    [Fact]
    public void A_debug_enclave_is_refused()
    {
        _machine.Enclave = _machine.Enclave with { Flags = 7 };
        Assert.Contains("sgx.debug = false", Sample.NotFound(_machine), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Without_EDMM_it_is_refused(bool says) =>
        Assert.Contains("sgx.edmm_enable = true", Sample.NotFound(_machine, new NoProtection(says)), StringComparison.Ordinal);

    [Theory]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(0)]
    public void Another_target_info_is_refused(int length)
    {
        _machine[GramineFiles.MyTargetInfo].OnRead = () => new byte[length];
        Assert.Contains("gramine-sgx", Sample.NotFound(_machine), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(GramineFiles.AttestationType, Errno.NoAccess, "fs.mounts")]
    [InlineData(GramineFiles.MyTargetInfo, Errno.NotPermitted, "fs.mounts")]
    [InlineData(GramineFiles.MyTargetInfo, Errno.NotFound, "gramine-sgx")]
    public void What_Gramine_refuses_is_explained(string path, int error, string words)
    {
        _machine[path].Fail("open", error, 1000);
        Assert.Contains(words, Sample.NotFound(_machine), StringComparison.Ordinal);
    }

    [Fact]
    public void It_counts_before_the_devices_of_VMs()
    {
        _ = _machine["/dev/tdx_guest"];
        _ = _machine["/dev/sev-guest"];
        Assert.Equal("sgx", Sample.Found(_machine).Name);
    }
}
