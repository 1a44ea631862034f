using System.Security.Cryptography;
using System.Text.Json;
using Cloister.Contracts.Keys;

namespace Cloister.Recovery.Tests;

public sealed class RecoverySharesTests
{
    private static readonly KekIdentity Kek = new("manual", "prod", 1, "f8c8f668fbe9744e32dd0c06686c0e19");

    // FIPS 197, 4.2: {57} x {83} = {c1}, {57} x {13} = {fe}; {53} and {ca} are inverse.
    [Fact]
    public void The_field_is_that_of_AES()
    {
        Assert.Equal(0xC1, GaloisField.Multiply(0x57, 0x83));
        Assert.Equal(0xFE, GaloisField.Multiply(0x57, 0x13));
        Assert.Equal(0xCA, GaloisField.Inverse(0x53));
        Assert.Equal(0, GaloisField.Inverse(0));
        for (int a = 1; a <= 255; a++)
        {
            Assert.Equal(1, GaloisField.Multiply((byte)a, GaloisField.Inverse((byte)a)));
        }
    }

    [Fact]
    public void The_vectors_are_read_written_computed_and_restored()
    {
        using JsonDocument vectors = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "vectors", "recovery-shares-v1.json")));
        foreach (JsonElement set in vectors.RootElement.GetProperty("sets").EnumerateArray())
        {
            KekIdentity kek = new(set.GetProperty("authority").GetString()!, set.GetProperty("kek").GetString()!, set.GetProperty("version").GetUInt32(), set.GetProperty("generation").GetString()!);
            byte[] key = Hex(set, "key");
            byte[] coefficients = [.. set.GetProperty("coefficients").EnumerateArray().SelectMany(c => Convert.FromHexString(c.GetString()!))];
            List<RecoveryShare> shares = [];
            foreach (JsonElement vector in set.GetProperty("shares").EnumerateArray())
            {
                RecoveryShare share = RecoveryShare.Parse(vector.GetProperty("text").GetString()!);
                Assert.Equal(vector.GetProperty("text").GetString(), share.ToText());
                Assert.Equal(vector.GetProperty("x").GetInt32(), share.X);
                Assert.Equal(kek, share.Kek);
                Assert.Equal(Hex(vector, "share"), RecoveryShares.Evaluate(key, coefficients, share.X));
                shares.Add(share);
            }

            for (int first = 0; first + shares[0].Threshold <= shares.Count; first++)
            {
                byte[] restored = new byte[32];
                Assert.Equal(kek, RecoveryShares.Combine([.. shares.Skip(first).Take(shares[0].Threshold)], restored));
                Assert.Equal(key, restored);
            }
        }
    }

    [Theory, InlineData(2, 2), InlineData(2, 3), InlineData(3, 5), InlineData(17, 255), InlineData(255, 255)]
    public void Any_M_restore_and_fewer_do_not(int threshold, int count)
    {
        byte[] key = RandomNumberGenerator.GetBytes(32);
        RecoveryShare[] shares = [.. RecoveryShares.Split(Kek, key, threshold, count)];
        RandomNumberGenerator.Shuffle(shares.AsSpan());
        byte[] restored = new byte[32];
        RecoveryShares.Combine([.. shares.Take(threshold).Select(s => RecoveryShare.Parse(s.ToText()))], restored);
        Assert.Equal(key, restored);
        RecoveryShares.Combine(shares, restored);
        AssertRefused("shares restore KEK prod version 1", [.. shares.Take(threshold - 1)]);
    }

    [Theory, InlineData(1, 3), InlineData(4, 3), InlineData(2, 256), InlineData(0, 0)]
    public void Other_numbers_are_refused(int threshold, int count) => Assert.Throws<ArgumentException>(() => RecoveryShares.Split(Kek, new byte[32], threshold, count));

    [Fact]
    public void Mixed_and_repeated_shares_are_refused()
    {
        byte[] key = RandomNumberGenerator.GetBytes(32);
        IReadOnlyList<RecoveryShare> one = RecoveryShares.Split(Kek, key, 2, 3);
        IReadOnlyList<RecoveryShare> two = RecoveryShares.Split(Kek, key, 2, 3);
        AssertRefused("several sets", [one[0], two[1]]);
        AssertRefused("twice", [one[0], one[1], one[0]]);
        AssertRefused("no shares", []);
        AssertRefused("one of them was changed", [one[0], new RecoveryShare(one[1].Set, 3, one[1].Values)]);
    }

    [Fact]
    public void Every_change_of_a_character_is_found()
    {
        string text = RecoveryShares.Split(Kek, RandomNumberGenerator.GetBytes(32), 2, 2)[0].ToText();
        for (int i = 0; i < text.Length; i++)
        {
            if (!char.IsWhiteSpace(text[i]) && text[i] != '-')
            {
                Assert.Throws<RecoveryShareException>(() => RecoveryShare.Parse($"{text[..i]}{(text[i] == 'b' ? 'c' : 'b')}{text[(i + 1)..]}"));
                Assert.Throws<RecoveryShareException>(() => RecoveryShare.Parse(text.Remove(i, 1)));
            }
        }

        Assert.Throws<RecoveryShareException>(() => RecoveryShare.Parse(""));
        Assert.Throws<RecoveryShareException>(() => RecoveryShare.Parse(text + "a"));
        RecoveryShare.Parse("  " + text.ToUpperInvariant().Replace(' ', '-'));
    }

    [Fact]
    public void What_is_logged_of_a_share_is_no_share()
    {
        RecoveryShare share = RecoveryShares.Split(Kek, RandomNumberGenerator.GetBytes(32), 2, 2)[0];
        Assert.StartsWith("share 1 of set ", share.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToHexStringLower(share.Values), share.ToString(), StringComparison.Ordinal);
    }

    private static byte[] Hex(JsonElement element, string name) => Convert.FromHexString(element.GetProperty(name).GetString()!);

    private static void AssertRefused(string message, IReadOnlyList<RecoveryShare> shares)
    {
        byte[] key = new byte[32];
        Assert.Contains(message, Assert.Throws<RecoveryShareException>(() => RecoveryShares.Combine(shares, key)).Message, StringComparison.Ordinal);
        Assert.Equal(new byte[32], key);
    }
}
