using System.Security.Cryptography;
using System.Text;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tees.Devices;
using Cloister.Simulator.Snp;
using Cloister.Tee.Tests.Support;
using SnpDerivedKey = Cloister.Enclave.Tees.Vm.SnpDerivedKey;

namespace Cloister.Tee.Tests.Vm;

/// <summary>Derived keys: what they are bound to, and what the firmware and the hypervisor may say.</summary>
public sealed class SnpSealingTests : IDisposable
{
    private readonly SecretArena _arena = new(64);
    private readonly SnpMachine _machine = new();

    public void Dispose() => _arena.Dispose();

    [Fact]
    public void The_key_is_HKDF_of_the_firmwares_with_label_and_HOST_DATA()
    {
        _machine.Guest = _machine.Guest with { HostData = Sample.Bytes(32, 4), Vmpl = 1 };
        byte[] firmware = SHA256.HashData([
            .. _machine.Root, 1, 0, 0, 0, .. BitConverter.GetBytes(_machine.CommittedTcb), .. BitConverter.GetBytes(_machine.Guest.Policy), .. _machine.Guest.Measurement]);
        byte[] extracted = HMACSHA256.HashData(new byte[32], firmware);
        Assert.Equal(HMACSHA256.HashData(extracted, (byte[])[.. Encoding.ASCII.GetBytes("cloister-sealing-v1 snp "), .. Sample.Bytes(32, 4), 1]), Key());
        Assert.Equal(0, _arena.InUse);
    }

    [Fact]
    public void What_was_sealed_opens_for_the_same_guest()
    {
        using SealedCopy file = new(_arena);
        file.Save(Sample.Found(_machine).Sealer!);
        Assert.Equal(1, file.Load(Sample.Found(_machine).Sealer!));
    }

    public static TheoryData<string> Changes => new("chip", "measurement", "policy", "VMPL", "committed TCB", "HOST_DATA");

    [Theory]
    [MemberData(nameof(Changes))]
    public void What_was_sealed_opens_for_no_other(string change)
    {
        using SealedCopy file = new(_arena);
        file.Save(Sample.Found(_machine).Sealer!);
        SnpReportFields guest = _machine.Guest;
        _machine.Root = change == "chip" ? Sample.Bytes(32, 2) : _machine.Root;
        _machine.Guest = change switch
        {
            "measurement" => guest with { Measurement = Sample.Bytes(48, 1) },
            "policy" => guest with { Policy = 0x2_0000 },
            "VMPL" => guest with { Vmpl = 1 },
            "committed TCB" => guest with { CommittedTcb = guest.ReportedTcb + 1 },
            "HOST_DATA" => guest with { HostData = Sample.Bytes(32, 1) },
            _ => guest,
        };
        SealException refusal = Assert.Throws<SealException>(() => file.Load(Sample.Found(_machine).Sealer!));
        Assert.Contains("provision the KEKs again", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_busy_hypervisor_is_asked_again()
    {
        ISealer sealer = Sample.Found(_machine).Sealer!;
        _machine.VmmBusy = 3;
        using SecretKey key = sealer.SealingKey(_arena);
        Assert.Equal(0, _machine.VmmBusy);
    }

    [Theory]
    [InlineData("always busy", "busy")]
    [InlineData("firmware refuses", "status 0x16")]
    [InlineData("permission", "give its user access to /dev/sev-guest")]
    [InlineData("no ioctl", "no derived key here")]
    [InlineData("input-output", "no derived key here")]
    [InlineData("no report", "mount configfs")]
    [InlineData("debug", "policy without debug")]
    public void What_is_refused_is_explained_and_leaves_no_key(string fault, string words)
    {
        ISealer sealer = Sample.Found(_machine).Sealer!;
        FakeNode device = _machine[SnpDerivedKey.Device];
        switch (fault)
        {
            case "always busy": _machine.VmmBusy = 1000; break;
            case "firmware refuses": _machine.FirmwareStatus = 0x16; break;
            case "permission": device.Fail("open", Errno.NoAccess, 1000); break;
            case "no ioctl": device.OnControl = null; break;
            case "input-output": device.Fail("control", Errno.InputOutput, 1000); break;
            case "no report": _machine.Folders.Clear(); break;
            case "debug": _machine.Guest = _machine.Guest with { Policy = 0xB_0000 }; break;
            default: Assert.Fail(fault); break;
        }

        SealException refusal = Assert.Throws<SealException>(() => sealer.SealingKey(_arena));
        Sample.OneMessage(refusal.Message);
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
        Assert.Equal(0, _arena.InUse);
    }

    private byte[] Key()
    {
        using SecretKey key = Sample.Found(_machine).Sealer!.SealingKey(_arena);
        return SealedCopy.BytesOf(key);
    }
}
