using System.Text;
using Cloister.Contracts.StoredValues;
using Cloister.Enclave.Keys.Envelope;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Envelope;

public sealed class StoredValueCipherTests
{
    private static readonly byte[] EtcdKey = "/registry/secrets/default/db"u8.ToArray();

    // k8s.io/apiserver, TestExtendedNonceGCMLegacyDataCompatibility and TestGCMLegacyDataCompatibility.
    [Theory]
    [InlineData(
        DekSourceType.HkdfSha256Seed,
        "5d40323a820ff95561675e3b95e81867c5fdd561d35a88a2d08b08aa9d4fcf5c",
        "2442759e33945fbad709db577a0f037fd8a709fc76979b8942209debcecb9d57efe3d6ff6a1ef6ee9a5003b9833b3043cec1e47b35175b151107a8d2416b0e296bbf66b5d102fcefdf9a78f293d271")]
    [InlineData(
        DekSourceType.AesGcmKey,
        "736e6f726c61785f617765736f6d6573",
        "9f27c8fcea8a58c467d8e437dbf2d85955f9b4bd912f4ef967d788a0cb07797dac0a3f0a0845605ca85ac8562b4ae1")]
    public void Vectors_recorded_upstream(DekSourceType type, string source, string data)
    {
        byte[]? plaintext = StoredValueCipher.Decrypt(type, Convert.FromHexString(source), "bamboo"u8, Convert.FromHexString(data));
        Assert.NotNull(plaintext);
        Assert.Equal("pandas are the best", Encoding.UTF8.GetString(plaintext));
        Assert.Null(StoredValueCipher.Decrypt(type, Convert.FromHexString(source), "bambop"u8, Convert.FromHexString(data)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4096)]
    [InlineData(1_500_000)]
    public void Round_trip(int length)
    {
        byte[] seed = TestKeys.Random();
        byte[] plaintext = TestKeys.Random(length);
        byte[] data = new byte[length + StoredValueCipher.Overhead];
        StoredValueCipher.Encrypt(seed, EtcdKey, plaintext, data);
        Assert.Equal(plaintext, StoredValueCipher.Decrypt(DekSourceType.HkdfSha256Seed, seed, EtcdKey, data));
    }

    [Fact]
    public void Two_encryptions_differ_in_info_nonce_and_ciphertext()
    {
        byte[] seed = TestKeys.Random();
        byte[] first = Encrypted(seed);
        byte[] second = Encrypted(seed);
        Assert.NotEqual(first[..32], second[..32]);
        Assert.NotEqual(first[32..44], second[32..44]);
        Assert.NotEqual(first[44..], second[44..]);
    }

    [Fact]
    public void Another_etcd_key_or_seed_does_not_open_it()
    {
        byte[] seed = TestKeys.Random();
        byte[] data = Encrypted(seed);
        Assert.Null(StoredValueCipher.Decrypt(DekSourceType.HkdfSha256Seed, seed, "/registry/secrets/default/dc"u8, data));
        Assert.Null(StoredValueCipher.Decrypt(DekSourceType.HkdfSha256Seed, seed, EtcdKey.AsSpan(1), data));
        Assert.Null(StoredValueCipher.Decrypt(DekSourceType.HkdfSha256Seed, seed, default, data));
        Assert.Null(StoredValueCipher.Decrypt(DekSourceType.HkdfSha256Seed, TestKeys.Random(), EtcdKey, data));
        Assert.Null(StoredValueCipher.Decrypt(DekSourceType.AesGcmKey, seed, EtcdKey, data));
        Assert.NotNull(StoredValueCipher.Decrypt(DekSourceType.HkdfSha256Seed, seed, EtcdKey, data));
    }

    [Fact]
    public void Every_flipped_bit_is_refused()
    {
        byte[] seed = TestKeys.Random();
        byte[] data = Encrypted(seed);
        for (int bit = 0; bit < data.Length * 8; bit++)
        {
            data[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Null(StoredValueCipher.Decrypt(DekSourceType.HkdfSha256Seed, seed, EtcdKey, data));
            data[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.NotNull(StoredValueCipher.Decrypt(DekSourceType.HkdfSha256Seed, seed, EtcdKey, data));
    }

    [Fact]
    public void Truncated_anywhere_it_is_refused()
    {
        byte[] seed = TestKeys.Random();
        byte[] data = Encrypted(seed);
        for (int length = 0; length < data.Length; length++)
        {
            Assert.Null(StoredValueCipher.Decrypt(DekSourceType.HkdfSha256Seed, seed, EtcdKey, data.AsSpan(0, length)));
            Assert.Null(StoredValueCipher.Decrypt(DekSourceType.AesGcmKey, seed, EtcdKey, data.AsSpan(0, length)));
        }
    }

    [Theory]
    [InlineData(DekSourceType.HkdfSha256Seed, 0)]
    [InlineData(DekSourceType.HkdfSha256Seed, 31)]
    [InlineData(DekSourceType.AesGcmKey, 0)]
    [InlineData(DekSourceType.AesGcmKey, 15)]
    [InlineData(DekSourceType.AesGcmKey, 33)]
    public void A_source_of_a_wrong_length_opens_nothing(DekSourceType type, int length) =>
        Assert.Null(StoredValueCipher.Decrypt(type, new byte[length], EtcdKey, Encrypted(TestKeys.Random())));

    [Fact]
    public void Wrong_lengths_do_not_encrypt()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => StoredValueCipher.Encrypt(new byte[31], EtcdKey, new byte[1], new byte[61]));
        Assert.Throws<ArgumentOutOfRangeException>(() => StoredValueCipher.Encrypt(new byte[33], EtcdKey, new byte[1], new byte[61]));
        Assert.Throws<ArgumentOutOfRangeException>(() => StoredValueCipher.Encrypt(new byte[32], EtcdKey, new byte[1], new byte[60]));
    }

    private static byte[] Encrypted(byte[] seed)
    {
        byte[] data = new byte[20 + StoredValueCipher.Overhead];
        StoredValueCipher.Encrypt(seed, EtcdKey, "a secret of 20 bytes"u8, data);
        return data;
    }
}
