using System.Security.Cryptography;
using System.Text.Json;
using Cloister.Contracts.Keys;
using Cloister.Release;

namespace Cloister.Recovery.Tests;

/// <summary>Shares that the authority signed (versions 3 and 4), and sealed to their keepers. The vectors were made with another implementation.</summary>
public sealed class SignedSharesTests
{
    [Fact]
    public void The_vectors_are_opened_read_written_and_verified()
    {
        using JsonDocument vectors = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "vectors", "recovery-shares-signed.json")));
        using Authority authority = new(vectors.RootElement.GetProperty("authority").GetProperty("key").GetString()!);
        using Authority other = new();
        int seen = 0;
        foreach (JsonElement vector in vectors.RootElement.GetProperty("shares").EnumerateArray())
        {
            string text = vector.GetProperty("text").GetString()!;
            RecoveryShare share = RecoveryShare.Parse(text);
            Assert.Equal(text, share.ToText());
            Assert.Equal((vector.GetProperty("commitment").GetString(), vector.GetProperty("x").GetByte()), (share.Commitment, share.X));
            Assert.Equal(vector.GetProperty("signature").GetString(), Convert.ToHexStringLower(share.Proof!.Signature));
            Assert.True(share.IsSignedBy(authority));
            Assert.False(share.IsSignedBy(other));

            RecoveryShare unsigned = RecoveryShare.Parse(vector.GetProperty("unsigned").GetString()!);
            Assert.False(unsigned.IsSignedBy(authority));
            Assert.Equal("", unsigned.Commitment);
            Assert.Equal(share.Commitment, unsigned.Sign(share.Commitment, authority).Commitment);
            Assert.True(RecoveryShare.Parse(unsigned.Sign(share.Commitment, authority).ToText()).IsSignedBy(authority));
            Assert.Equal(unsigned.Values, share.Values);

            using ECDiffieHellman keeper = Key(vector.GetProperty("keeper").GetProperty("key").GetString()!);
            KeeperKey key = KeeperKey.Parse(keeper.ExportSubjectPublicKeyInfoPem());
            string sealedShare = vector.GetProperty("sealed").GetString()!;
            Assert.Equal(vector.GetProperty("keeper").GetProperty("pin").GetString(), key.Pin);
            Assert.Equal(key.Thumbprint, SealedShare.KeeperOf(sealedShare));
            Assert.Equal(text, SealedShare.Open(sealedShare, keeper));
            Assert.Equal(text, SealedShare.Open(SealedShare.Seal(text, key), keeper));
            seen++;
        }

        Assert.Equal(4, seen);
    }

    [Fact]
    public void Every_part_of_a_share_is_signed()
    {
        using Authority authority = new();
        KekIdentity kek = new("00112233445566778899aabbccddeeff", "prod", 1, "f8c8f668fbe9744e32dd0c06686c0e19");
        RecoveryShare[] shares = [.. RecoveryShares.Split(kek, RandomNumberGenerator.GetBytes(32), 2, 3).Select(share => share.Sign(new string('a', 64), authority))];
        RecoveryShare share = shares[0];
        ShareProof proof = share.Proof!;
        byte[] values = [.. share.Values];
        values[31] ^= 1;
        RecoveryShare[] changed =
        [
            new(share.Set, 2, share.Values, proof),
            new(share.Set, share.X, values, proof),
            new(share.Set, share.X, share.Values, proof with { Commitment = new byte[32] }),
            new(share.Set, share.X, share.Values, shares[1].Proof),
            new(share.Set with { Threshold = 3 }, share.X, share.Values, proof),
            new(share.Set with { Id = new byte[8] }, share.X, share.Values, proof),
            new(share.Set with { Commitment = new byte[16] }, share.X, share.Values, proof),
            new(share.Set with { Kek = kek with { Name = "test" } }, share.X, share.Values, proof),
        ];
        Assert.All(changed, one => Assert.False(RecoveryShare.Parse(one.ToText()).IsSignedBy(authority)));
        Assert.All(shares, one => Assert.True(RecoveryShare.Parse(one.ToText()).IsSignedBy(authority)));
        Assert.Throws<ArgumentException>(() => share.Sign("aa", authority));
    }

    [Fact]
    public void A_sealed_share_that_was_changed_or_is_another_keepers_does_not_open()
    {
        using ECDiffieHellman keeper = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        using ECDiffieHellman large = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP521);
        string text = SealedShare.Seal("cloister-share-1", KeeperKey.Parse(keeper.ExportSubjectPublicKeyInfoPem()));
        Assert.Throws<FormatException>(() => SealedShare.Open(text, large));
        Assert.Equal("a share", SealedShare.Open(SealedShare.Seal("a share", KeeperKey.Parse(large.ExportSubjectPublicKeyInfoPem())), large));
        using JsonDocument parts = JsonDocument.Parse(text);
        foreach (JsonProperty part in parts.RootElement.EnumerateObject().Where(part => part.Value.ValueKind == JsonValueKind.String))
        {
            string value = part.Value.GetString()!;
            foreach (string other in (string[])[$"{(value[0] == 'A' ? 'B' : 'A')}{value[1..]}", value[..^4], "", "*"])
            {
                Assert.Throws<FormatException>(() => SealedShare.Open(text.Replace($"\"{value}\"", $"\"{other}\"", StringComparison.Ordinal), keeper));
            }
        }

        foreach (string other in (string[])["", "[]", "{}", "null", "cloister-share-1", new string(' ', 100_000)])
        {
            Assert.Throws<FormatException>(() => SealedShare.Open(other, keeper));
            Assert.Equal("", SealedShare.KeeperOf(other));
        }
    }

    private static ECDiffieHellman Key(string scalar) =>
        ECDiffieHellman.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = Convert.FromHexString(scalar) });

    private sealed class Authority : IShareAuthority, IDisposable
    {
        private readonly ECDsa _key;

        public Authority() => _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        public Authority(string scalar) => _key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = Convert.FromHexString(scalar) });

        public byte[] SignShare(ReadOnlySpan<byte> message) => _key.SignData(message, HashAlgorithmName.SHA256);

        public bool VerifyShare(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) => _key.VerifyData(message, signature, HashAlgorithmName.SHA256);

        public void Dispose() => _key.Dispose();
    }
}
