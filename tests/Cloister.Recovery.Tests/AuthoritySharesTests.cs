using System.Security.Cryptography;
using System.Text.Json;
using Cloister.Contracts.Keys;

namespace Cloister.Recovery.Tests;

/// <summary>Shares of an authority's key: format version 2.</summary>
public sealed class AuthoritySharesTests
{
    private const string Authority = "00112233445566778899aabbccddeeff";

    [Fact]
    public void The_vectors_are_read_written_computed_and_restored()
    {
        using JsonDocument vectors = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "vectors", "recovery-shares-v2.json")));
        foreach (JsonElement set in vectors.RootElement.GetProperty("sets").EnumerateArray())
        {
            string authority = set.GetProperty("authority").GetString()!;
            byte[] key = Hex(set, "key");
            byte[] coefficients = [.. set.GetProperty("coefficients").EnumerateArray().SelectMany(c => Convert.FromHexString(c.GetString()!))];
            List<RecoveryShare> shares = [];
            foreach (JsonElement vector in set.GetProperty("shares").EnumerateArray())
            {
                RecoveryShare share = RecoveryShare.Parse(vector.GetProperty("text").GetString()!);
                Assert.Equal(vector.GetProperty("text").GetString(), share.ToText());
                Assert.Equal((vector.GetProperty("x").GetByte(), authority), (share.X, share.Authority));
                Assert.Null(share.Kek);
                Assert.Equal(Hex(vector, "share"), RecoveryShares.Evaluate(key, coefficients, share.X));
                shares.Add(share);
            }

            for (int first = 0; first + shares[0].Threshold <= shares.Count; first++)
            {
                byte[] restored = new byte[32];
                Assert.Equal(authority, RecoveryShares.CombineAuthority([.. shares.Skip(first).Take(shares[0].Threshold)], restored));
                Assert.Equal(key, restored);
            }

            using ECDsa restoredKey = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = key });
            byte[] publicKey = restoredKey.ExportSubjectPublicKeyInfo();
            Assert.Equal(set.GetProperty("publicKey").GetBytesFromBase64(), publicKey);
            Assert.Equal(authority, Convert.ToHexStringLower(SHA256.HashData(publicKey).AsSpan(0, 16)));
        }
    }

    [Fact]
    public void Shares_of_a_KEK_and_of_an_authority_do_not_pass_for_each_other()
    {
        byte[] key = RandomNumberGenerator.GetBytes(32);
        byte[] restored = new byte[32];
        RecoveryShare[] ofAuthority = [.. RecoveryShares.SplitAuthority(Authority, key, 2, 3)];
        RecoveryShare[] ofKek = [.. RecoveryShares.Split(new KekIdentity(Authority, "prod", 1, Authority), key, 2, 3)];
        AssertRefused("--restore-authority", () => RecoveryShares.Combine(ofAuthority, restored));
        AssertRefused("kek restore", () => RecoveryShares.CombineAuthority(ofKek, restored));
        AssertRefused("kek restore", () => RecoveryShares.CombineAuthority([ofAuthority[0], ofKek[1]], restored));
        AssertRefused("form", () => RecoveryShare.Parse(ofKek[0].ToText().Replace("-share-1", "-share-2", StringComparison.Ordinal)));
        AssertRefused("form", () => RecoveryShare.Parse(ofAuthority[0].ToText().Replace("-share-2", "-share-1", StringComparison.Ordinal)));
        AssertRefused("form", () => RecoveryShare.Parse(ofAuthority[0].ToText().Replace("-share-2", "-share-5", StringComparison.Ordinal)));
        AssertRefused("damaged", () => RecoveryShare.Parse(ofAuthority[0].ToText().Replace("-share-2", "-share-4", StringComparison.Ordinal)));
        AssertRefused("no shares", () => RecoveryShares.CombineAuthority([], restored));
        Assert.Equal(new byte[32], restored);
    }

    [Fact]
    public void The_commitment_covers_the_authority()
    {
        RecoveryShare[] shares = [.. RecoveryShares.SplitAuthority(Authority, RandomNumberGenerator.GetBytes(32), 2, 2)];
        RecoverySet renamed = shares[0].Set with { Authority = new string('0', 32) };
        byte[] restored = new byte[32];
        AssertRefused("one of them was changed", () => RecoveryShares.CombineAuthority([.. shares.Select(share => new RecoveryShare(renamed, share.X, share.Values))], restored));
        Assert.Equal(new byte[32], restored);
    }

    [Fact]
    public void Shares_one_after_the_other_are_told_apart()
    {
        RecoveryShare[] shares = [.. RecoveryShares.SplitAuthority(Authority, RandomNumberGenerator.GetBytes(32), 2, 3)];
        string text = "\n  " + string.Concat(shares.Select(share => share.ToText().Replace("\n", "\r\n", StringComparison.Ordinal))) + "\n";
        Assert.Equal(shares.Select(share => share.ToText()), RecoveryShare.ParseAll(text).Select(share => share.ToText()));
        Assert.Equal(3, RecoveryShare.ParseAll(string.Concat(shares.Select(share => share.ToText().TrimEnd())).ToUpperInvariant()).Count);
        Assert.Empty(RecoveryShare.ParseAll(" \n"));
        AssertRefused("begin with", () => RecoveryShare.ParseAll("a note\n" + text));
        AssertRefused("damaged", () => RecoveryShare.ParseAll(text + "a note!"));
    }

    [Theory, InlineData("manual"), InlineData(""), InlineData("00112233445566778899AABBCCDDEEFF")]
    public void An_authority_has_an_id(string id) => Assert.Throws<ArgumentException>(() => RecoveryShares.SplitAuthority(id, new byte[32], 2, 3));

    [Fact]
    public void Every_change_of_a_character_is_found()
    {
        string text = RecoveryShares.SplitAuthority(Authority, RandomNumberGenerator.GetBytes(32), 2, 2)[0].ToText();
        for (int i = 0; i < text.Length; i++)
        {
            if (!char.IsWhiteSpace(text[i]) && text[i] != '-')
            {
                Assert.Throws<RecoveryShareException>(() => RecoveryShare.Parse($"{text[..i]}{(text[i] == 'b' ? 'c' : 'b')}{text[(i + 1)..]}"));
                Assert.Throws<RecoveryShareException>(() => RecoveryShare.Parse(text.Remove(i, 1)));
            }
        }
    }

    private static byte[] Hex(JsonElement element, string name) => Convert.FromHexString(element.GetProperty(name).GetString()!);

    private static void AssertRefused(string message, Action act) =>
        Assert.Contains(message, Assert.Throws<RecoveryShareException>(act).Message, StringComparison.Ordinal);
}
