using Cloister.Contracts.KmsV1;
using Cloister.Enclave.Base;
using Cloister.Enclave.Tests.Support;
using Google.Protobuf;

namespace Cloister.Enclave.Tests.Kms;

public sealed class KmsV1ServiceTests : IDisposable
{
    private readonly KmsFixture _kms = new();

    public void Dispose() => _kms.Dispose();

    [Fact]
    public async Task Version_answers_v1beta1_and_a_semantic_runtime_version()
    {
        CallResult result = await _kms.Services.CallAsync(KmsServices.V1 + "Version", new VersionRequest { Version = "v1beta1" });
        VersionResponse version = VersionResponse.Parser.ParseFrom(result.Response);
        Assert.Equal(("v1beta1", "cloister", "1.2.3"), (version.Version, version.RuntimeName, version.RuntimeVersion));
    }

    [Fact]
    public async Task The_API_servers_own_probe()
    {
        byte[] cipher = await EncryptAsync("ping"u8.ToArray());
        CallResult result = await DecryptAsync(cipher);
        Assert.Equal("ping", DecryptResponse.Parser.ParseFrom(result.Response).Plain.ToStringUtf8());
    }

    [Fact]
    public async Task What_v2_made_v1_opens_and_the_other_way_round()
    {
        CallResult byV1 = await DecryptAsync(await _kms.EdekAsync());
        Assert.Equal(KmsFixture.Plaintext, DecryptResponse.Parser.ParseFrom(byV1.Response).Plain.ToByteArray());
        CallResult byV2 = await _kms.DecryptAsync(await EncryptAsync(KmsFixture.Plaintext));
        Assert.Equal(KmsFixture.Plaintext, Contracts.KmsV2.DecryptResponse.Parser.ParseFrom(byV2.Response).Plaintext.ToByteArray());
    }

    public static TheoryData<string, string, FailureKind?> Requests => new()
    {
        { "Version", "", FailureKind.Invalid },
        { "Version", "0a07763162657461", FailureKind.Invalid },
        { "Version", "0a0776316265746131", null },
        { "Version", "0a0776316265746132", FailureKind.Invalid },
        { "Version", "0a027632", FailureKind.Invalid },
        { "Version", "0a02ff41", FailureKind.Invalid },
        { "Version", "80", FailureKind.Invalid },
        { "Encrypt", "", FailureKind.Invalid },
        { "Encrypt", "120141", FailureKind.Invalid },
        { "Encrypt", "0a0776316265746131", FailureKind.Invalid },
        { "Encrypt", "0a07763162657461311200", FailureKind.Invalid },
        { "Encrypt", "0a0776316265746131120141", null },
        { "Encrypt", "0a07763162657461311201", FailureKind.Invalid },
        { "Encrypt", "0a07763162657461311041", FailureKind.Invalid },
        { "Decrypt", "", FailureKind.Invalid },
        { "Decrypt", "0a0776316265746131", FailureKind.Invalid },
        { "Decrypt", "0a0776316265746131120141", FailureKind.Invalid },
        { "Decrypt", "0a077631626574613112", FailureKind.Invalid },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task Each_request_has_one_status(string method, string message, FailureKind? expected)
    {
        CallResult result = await _kms.Services.CallAsync(KmsServices.V1 + method, Convert.FromHexString(message));
        Assert.Equal(expected, result.Code);
        Assert.Equal(expected == null, result.Message.Length == 0);
    }

    [Theory]
    [InlineData(962, null)]
    [InlineData(963, FailureKind.Invalid)]
    [InlineData(1_048_577, FailureKind.Invalid)]
    public async Task A_plaintext_has_to_fit_into_an_EDEK(int length, FailureKind? expected)
    {
        EncryptRequest request = new() { Version = "v1beta1", Plain = ByteString.CopyFrom(new byte[length]) };
        Assert.Equal(expected, (await _kms.Services.CallAsync(KmsServices.V1 + "Encrypt", request)).Code);
    }

    // v1 carries no key_id: a changed fingerprint names a KEK that is not here.
    [Fact]
    public async Task Every_flipped_bit_is_refused()
    {
        byte[] cipher = await EncryptAsync(KmsFixture.Plaintext);
        for (int bit = 0; bit < cipher.Length * 8; bit++)
        {
            cipher[bit / 8] ^= (byte)(1 << (bit % 8));
            CallResult result = await DecryptAsync(cipher);
            Assert.Equal(bit / 8 is >= 6 and < 22 ? FailureKind.NotFound : FailureKind.Invalid, result.Code);
            KmsFixture.ShowsNothing(result.Message, cipher);
            cipher[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.Null((await DecryptAsync(cipher)).Code);
    }

    [Fact]
    public async Task Truncated_anywhere_it_is_refused()
    {
        byte[] cipher = await EncryptAsync(KmsFixture.Plaintext);
        for (int length = 0; length < cipher.Length; length++)
        {
            Assert.Equal(FailureKind.Invalid, (await DecryptAsync(cipher[..length])).Code);
        }
    }

    private async Task<byte[]> EncryptAsync(byte[] plain)
    {
        CallResult result = await _kms.Services.CallAsync(
            KmsServices.V1 + "Encrypt", new EncryptRequest { Version = "v1beta1", Plain = ByteString.CopyFrom(plain) });
        Assert.Null(result.Code);
        return EncryptResponse.Parser.ParseFrom(result.Response).Cipher.ToByteArray();
    }

    private Task<CallResult> DecryptAsync(byte[] cipher) =>
        _kms.Services.CallAsync(KmsServices.V1 + "Decrypt", new DecryptRequest { Version = "v1beta1", Cipher = ByteString.CopyFrom(cipher) });
}
