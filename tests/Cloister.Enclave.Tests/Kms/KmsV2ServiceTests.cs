using Cloister.Contracts.KmsV2;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;
using Google.Protobuf;

namespace Cloister.Enclave.Tests.Kms;

public sealed class KmsV2ServiceTests : IDisposable
{
    private readonly KmsFixture _kms = new();

    public void Dispose() => _kms.Dispose();

    [Fact]
    public async Task Status_and_Encrypt_give_the_same_key_id_within_the_rules()
    {
        CallResult result = await _kms.Services.CallAsync(KmsServices.V2 + "Status", new StatusRequest());
        StatusResponse status = StatusResponse.Parser.ParseFrom(result.Response);
        EncryptResponse encrypted = await _kms.Services.EncryptAsync(KmsFixture.Plaintext);

        Assert.Equal(("v2", "ok"), (status.Version, status.Healthz));
        Assert.InRange(status.KeyId.Length, 1, 1024);
        Assert.Equal(status.KeyId, encrypted.KeyId);
        Assert.InRange(encrypted.Ciphertext.Length, 1, 1024);
        KeyValuePair<string, ByteString> annotation = Assert.Single(encrypted.Annotations);
        Assert.Equal(("tee.cloister.dev", "simulated"), (annotation.Key, annotation.Value.ToStringUtf8()));
    }

    // 962 bytes are what an EDEK of 1024 leaves.
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(32)]
    [InlineData(962)]
    public async Task Round_trip(int length)
    {
        byte[] plaintext = TestKeys.Random(length);
        EncryptResponse encrypted = await _kms.Services.EncryptAsync(plaintext);
        CallResult result = await _kms.Services.DecryptAsync(encrypted.Ciphertext, encrypted.KeyId);
        Assert.Null(result.Code);
        Assert.Equal(plaintext, DecryptResponse.Parser.ParseFrom(result.Response).Plaintext.ToByteArray());
        Assert.InRange(encrypted.Ciphertext.Length, 1, 1024);
    }

    [Fact]
    public async Task The_same_plaintext_twice_gives_two_ciphertexts() =>
        Assert.NotEqual(await _kms.EdekAsync(), await _kms.EdekAsync());

    [Fact]
    public async Task Fields_that_a_later_version_may_add_are_skipped()
    {
        byte[] later = [0xF8, 0x07, 0x01, 0xFA, 0x07, 0x02, 0x61, 0x62];
        byte[] edek = await _kms.EdekAsync();
        Assert.Null((await _kms.Services.CallAsync(KmsServices.V2 + "Status", later)).Code);
        Assert.Null((await _kms.Services.CallAsync(KmsServices.V2 + "Encrypt", [.. later, 0x0A, 0x01, 0x41])).Code);
        Assert.Null((await _kms.Services.CallAsync(KmsServices.V2 + "Decrypt", [.. later, .. _kms.Request(edek).ToByteArray()])).Code);
    }

    [Fact]
    public async Task Without_a_KEK_every_call_is_an_error_that_says_what_to_do()
    {
        byte[] edek = await _kms.EdekAsync();
        using SecretArena arena = new(4);
        await using ManualCustody custody = new(TestKeys.Context(), arena, sealedKeks: null);
        KmsServices services = new(custody);
        CallResult[] results =
        [
            await services.CallAsync(KmsServices.V2 + "Status", new StatusRequest()),
            await services.CallAsync(KmsServices.V2 + "Encrypt", new EncryptRequest { Plaintext = ByteString.CopyFrom(1) }),
            await services.CallAsync(KmsServices.V2 + "Decrypt", _kms.Request(edek)),
        ];
        Assert.All(results, result =>
        {
            Assert.Equal(FailureKind.NotReady, result.Code);
            Assert.Contains("kek create", result.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task A_key_id_that_is_not_the_one_of_the_ciphertext_is_refused_before_any_cryptography()
    {
        byte[] edek = await _kms.EdekAsync();
        await using GatedCustody custody = new();
        KmsServices services = new(custody);
        string[] others = ["cl1-00112233445566778899aabbccddeeff", "another-plugin", "", new string('k', 1024)];
        foreach (string other in others)
        {
            CallResult result = await services.DecryptAsync(ByteString.CopyFrom(edek), other);
            Assert.NotNull(result.Code);
        }

        Assert.Equal(0, custody.Entered);
    }

    [Fact]
    public async Task Calls_are_counted()
    {
        byte[] edek = await _kms.EdekAsync();
        await _kms.DecryptAsync(edek);
        await _kms.DecryptAsync(edek);
        await _kms.DecryptAsync([1, 2, 3]);
        Assert.Equal((1, 2), (_kms.Services.Counters.Encryptions, _kms.Services.Counters.Decryptions));
    }
}
