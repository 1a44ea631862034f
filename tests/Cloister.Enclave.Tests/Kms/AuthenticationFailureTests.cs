using Cloister.Enclave.Base;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Kms;

/// <summary>Whatever does not authenticate gets one and the same answer, so that the answer tells nothing.</summary>
public sealed class AuthenticationFailureTests : IDisposable
{
    private const int HeaderSize = 22;

    private readonly KmsFixture _kms = new();

    public void Dispose() => _kms.Dispose();

    [Fact]
    public async Task Every_flipped_bit_behind_the_header()
    {
        CallResult expected = await FailureAsync();
        byte[] edek = await _kms.EdekAsync();
        for (int bit = HeaderSize * 8; bit < edek.Length * 8; bit++)
        {
            edek[bit / 8] ^= (byte)(1 << (bit % 8));
            Same(expected, await _kms.DecryptAsync(edek));
            edek[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(-1)]
    [InlineData(-31)]
    public async Task Another_length(int more)
    {
        byte[] edek = await _kms.EdekAsync();
        byte[] other = more > 0 ? [.. edek, .. new byte[more]] : edek[..^-more];
        Same(await FailureAsync(), await _kms.DecryptAsync(other));
    }

    [Theory]
    [InlineData("cluster-2", "cloister")]
    [InlineData("cluster-1", "cloister2")]
    [InlineData("cluster-1c", "loister")]
    public async Task The_same_KEK_in_another_cluster_or_under_another_provider(string cluster, string provider)
    {
        using KmsFixture other = new(cluster: cluster, provider: provider);
        Assert.Equal(_kms.KeyId, other.KeyId);
        Same(await FailureAsync(), await _kms.DecryptAsync(await other.EdekAsync()));
    }

    [Fact]
    public async Task Another_KEK_with_a_forged_fingerprint()
    {
        using KmsFixture other = new(key: 8);
        byte[] edek = await other.EdekAsync();
        Assert.Equal(FailureKind.NotFound, (await _kms.DecryptAsync(edek, other.KeyId)).Code);
        _kms.Fingerprint.CopyTo(edek, 6);
        Same(await FailureAsync(), await _kms.DecryptAsync(edek));
    }

    [Fact]
    public async Task Parts_of_two_EDEKs()
    {
        byte[] one = await _kms.EdekAsync();
        byte[] two = await _kms.EdekAsync();
        Same(await FailureAsync(), await _kms.DecryptAsync([.. one[..46], .. two[46..]]));
        Same(await FailureAsync(), await _kms.DecryptAsync([.. one[..^16], .. two[^16..]]));
    }

    [Fact]
    public async Task Random_bytes_behind_a_good_header()
    {
        byte[] edek = await _kms.EdekAsync();
        TestKeys.Random(edek.Length - HeaderSize).CopyTo(edek, HeaderSize);
        Same(await FailureAsync(), await _kms.DecryptAsync(edek));
    }

    // Zeros where nonce, ciphertext and tag should be.
    private Task<CallResult> FailureAsync() =>
        _kms.DecryptAsync([.. "CLED"u8, 1, 1, .. _kms.Fingerprint, .. new byte[24 + 32 + 16]]);

    private static void Same(CallResult expected, CallResult actual)
    {
        Assert.Equal(FailureKind.Invalid, actual.Code);
        Assert.StartsWith("the ciphertext does not open", actual.Message, StringComparison.Ordinal);
        Assert.Equal((expected.Code, expected.Message), (actual.Code, actual.Message));
        Assert.Empty(actual.Response);
    }
}
