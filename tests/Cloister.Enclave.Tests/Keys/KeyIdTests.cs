using Cloister.Contracts.Keys;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Keys;

public sealed class KeyIdTests
{
    private const string Good = "cl1-00112233445566778899aabbccddeeff";

    [Fact]
    public void A_fingerprint_comes_back_from_its_key_id()
    {
        for (int i = 0; i < 1000; i++)
        {
            byte[] bytes = TestKeys.Random(KeyFingerprint.Size);
            KeyFingerprint fingerprint = new(bytes);
            string text = KeyId.Format(fingerprint);
            Assert.Equal("cl1-" + Convert.ToHexStringLower(bytes), text);
            Assert.True(KeyId.TryParse(text, out KeyFingerprint parsed));
            Assert.Equal(fingerprint, parsed);
            byte[] copied = new byte[KeyFingerprint.Size];
            parsed.CopyTo(copied);
            Assert.Equal(bytes, copied);
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("cl1-")]
    [InlineData("cl1-00112233445566778899aabbccddeef")]
    [InlineData("cl1-00112233445566778899aabbccddeeff0")]
    [InlineData("cl1-00112233445566778899AABBCCDDEEFF")]
    [InlineData("CL1-00112233445566778899aabbccddeeff")]
    [InlineData("cl2-00112233445566778899aabbccddeeff")]
    [InlineData("cl1_00112233445566778899aabbccddeeff")]
    [InlineData("cl1-00112233445566778899aabbccddeefg")]
    [InlineData("cl1-00112233445566778899aabbccddee f")]
    [InlineData(" cl1-0112233445566778899aabbccddeeff")]
    [InlineData("cl1-00112233445566778899aabbccddeef\n")]
    [InlineData("cl1-0011223344556677889\u0660aabbccddeef")]
    public void Everything_else_is_refused(string? text)
    {
        Assert.False(KeyId.TryParse(text, out KeyFingerprint fingerprint));
        Assert.Equal(default, fingerprint);
    }

    [Fact]
    public void A_changed_character_is_refused_or_names_another_KEK()
    {
        Assert.True(KeyId.TryParse(Good, out KeyFingerprint good));
        for (int i = 0; i < Good.Length; i++)
        {
            for (char c = ' '; c <= '~'; c++)
            {
                string changed = $"{Good[..i]}{c}{Good[(i + 1)..]}";
                if (c != Good[i] && KeyId.TryParse(changed, out KeyFingerprint other))
                {
                    Assert.NotEqual(good, other);
                    Assert.Equal(changed, KeyId.Format(other));
                }
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(15)]
    [InlineData(17)]
    public void A_fingerprint_has_16_bytes(int length) =>
        Assert.Throws<ArgumentException>(() => new KeyFingerprint(new byte[length]));
}
