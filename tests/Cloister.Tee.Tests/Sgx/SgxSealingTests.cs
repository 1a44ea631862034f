using System.Security.Cryptography;
using System.Text;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tees.Devices;
using Cloister.Enclave.Tees.Sgx;
using Cloister.Tee.Tests.Support;

namespace Cloister.Tee.Tests.Sgx;

/// <summary>Keys of Gramine, stretched.</summary>
public sealed class SgxSealingTests : IDisposable
{
    private readonly SecretArena _arena = new(64);
    private readonly GramineMachine _machine = new();

    public void Dispose() => _arena.Dispose();

    [Theory]
    [InlineData(SealTo.Enclave, 0xAA, "mrenclave")]
    [InlineData(SealTo.Signer, 0xBB, "mrsigner")]
    public void The_key_is_HKDF_of_Gramines_with_its_label(SealTo to, int platformByte, string label)
    {
        byte[] extracted = HMACSHA256.HashData(new byte[32], Sample.Bytes(16, (byte)platformByte));
        byte[] expected = HMACSHA256.HashData(extracted, (byte[])[.. Encoding.ASCII.GetBytes("cloister-sealing-v1 sgx " + label), 1]);
        Assert.Equal(expected, Key(to));
        Assert.Equal(0, _arena.InUse);
    }

    [Fact]
    public void What_one_sealer_sealed_opens_for_the_same_and_for_no_other()
    {
        using SealedCopy file = new(_arena);
        file.Save(Sealer(SealTo.Enclave));
        Assert.Equal(1, file.Load(Sealer(SealTo.Enclave)));
        Assert.Throws<SealException>(() => file.Load(Sealer(SealTo.Signer)));
        _machine.EnclaveKey = Sample.Bytes(16, 0xAB);
        SealException refusal = Assert.Throws<SealException>(() => file.Load(Sealer(SealTo.Enclave)));
        Assert.Contains("MRENCLAVE", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("provision the KEKs again", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(15)]
    [InlineData(17)]
    [InlineData(32)]
    public void A_key_of_another_length_is_refused(int length)
    {
        _machine.EnclaveKey = Sample.Bytes(length, 1);
        Refused("has not 16 bytes");
    }

    [Fact]
    public void A_key_of_zeros_is_refused()
    {
        _machine.EnclaveKey = new byte[16];
        Refused("zeros");
    }

    [Theory]
    [InlineData(Errno.NotFound)]
    [InlineData(Errno.NoAccess)]
    [InlineData(Errno.InputOutput)]
    public void What_Gramine_refuses_is_explained(int error)
    {
        _machine[GramineFiles.EnclaveKey].Fail("open", error, 1000);
        Refused("gramine-sgx");
    }

    private void Refused(string words)
    {
        SealException refusal = Assert.Throws<SealException>(() => Sealer(SealTo.Enclave).SealingKey(_arena));
        Sample.OneMessage(refusal.Message);
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
        Assert.Equal(0, _arena.InUse);
    }

    private SgxSealer Sealer(SealTo to) => new(_machine, Sample.Gate("/dev/attestation"), to);

    private byte[] Key(SealTo to)
    {
        using SecretKey key = Sealer(to).SealingKey(_arena);
        return SealedCopy.BytesOf(key);
    }
}
