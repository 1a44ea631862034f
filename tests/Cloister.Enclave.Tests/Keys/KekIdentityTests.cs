using Cloister.Contracts.Keys;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Keys;

public sealed class KekIdentityTests
{
    [Theory]
    [InlineData("k")]
    [InlineData("0")]
    [InlineData("secrets")]
    [InlineData("secrets.prod-2")]
    [InlineData("a--b..c")]
    [InlineData("123456789012345678901234567890123456789012345678901234567890123")]
    public void Names_that_are_accepted(string name) => Assert.True(KekIdentity.IsValidName(name));

    [Theory]
    [InlineData("")]
    [InlineData("-a")]
    [InlineData("a-")]
    [InlineData(".a")]
    [InlineData("a.")]
    [InlineData("A")]
    [InlineData("a_b")]
    [InlineData("a b")]
    [InlineData("a/b")]
    [InlineData("ä")]
    [InlineData("a\n")]
    [InlineData("a\0b")]
    [InlineData("1234567890123456789012345678901234567890123456789012345678901234")]
    public void Names_that_are_refused(string name) => Assert.False(KekIdentity.IsValidName(name));

    // Computed by an independent program from the words of docs/envelope-format.md.
    [Theory]
    [InlineData("manual", "k", 1u, "00112233445566778899aabbccddeeff", "cl1-33bd26efdf6a5be7d9d278b9c7a1cbcb")]
    [InlineData("broker.example", "secrets.kek", uint.MaxValue, "ffffffffffffffffffffffffffffffff", "cl1-d5c05c8e7c48030a938e75fe5b4ea75e")]
    public void Known_fingerprints(string authority, string name, uint version, string generation, string expected) =>
        Assert.Equal(expected, new KekIdentity(authority, name, version, generation).Fingerprint().ToString());

    [Fact]
    public void Every_part_changes_the_fingerprint_and_moving_a_letter_between_parts_does_too()
    {
        KekIdentity[] identities =
        [
            new("manual", "ab", 1, "00"),
            new("manual", "a", 1, "b00"),
            new("manuala", "b", 1, "00"),
            new("manual", "ab", 2, "00"),
            new("manual", "ab", 1, "01"),
            new("manual", "ab", 1, ""),
            new("", "manualab", 1, "00"),
        ];
        Assert.Equal(identities.Length, identities.Select(identity => identity.Fingerprint()).Distinct().Count());
    }

    [Fact]
    public void The_generation_of_a_provisioned_KEK_commits_to_the_key()
    {
        using SecretArena arena = new(4);
        using Kek kek = Kek.Manual("k", 1, SecretKey.TakeOver(arena, TestKeys.Filled(7)));
        Assert.Equal("263a088467d9d6ac567985ef4fe70b98", kek.Identity.Generation);
        Assert.Equal("cl1-39a0d40c9568f40be1ee7d61b27c8267", kek.KeyId);
        Assert.Equal(kek.KeyId, kek.ToString());

        using Kek same = Kek.Manual("k", 1, SecretKey.TakeOver(arena, TestKeys.Filled(7)));
        using Kek other = Kek.Manual("k", 1, SecretKey.TakeOver(arena, TestKeys.Filled(8)));
        Assert.Equal(kek.Fingerprint, same.Fingerprint);
        Assert.NotEqual(kek.Fingerprint, other.Fingerprint);
    }
}
