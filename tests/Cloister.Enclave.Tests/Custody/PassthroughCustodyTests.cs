using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Rpc;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Custody;

public sealed class PassthroughCustodyTests
{
    [Fact]
    public async Task Every_operation_is_exactly_one_call()
    {
        await using RemoteFixture kms = await ReadyAsync();
        for (byte i = 1; i <= 10; i++)
        {
            byte[] edek = await kms.EncryptAsync(i);
            Assert.Equal((i, 2 * (i - 1)), (kms.Kms.Encrypts, kms.Kms.Decrypts));
            Assert.Equal(TestKeys.Of(i), await kms.DecryptAsync(edek));
            Assert.Equal(TestKeys.Of(i), await kms.DecryptAsync(edek));
            Assert.Equal((i, 2 * i), (kms.Kms.Encrypts, kms.Kms.Decrypts));
        }
    }

    [Fact]
    public async Task The_KMS_decides_what_is_authentic()
    {
        await using RemoteFixture kms = await ReadyAsync();
        byte[] edek = await kms.EncryptAsync();
        for (int bit = 22 * 8; bit < edek.Length * 8; bit++)
        {
            edek[bit / 8] ^= (byte)(1 << (bit % 8));
            RpcException refused = await kms.RefusedAsync(StatusCode.InvalidArgument, r => r.DecryptAsync(edek));
            Assert.StartsWith("the ciphertext does not open", refused.Message, StringComparison.Ordinal);
            edek[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public async Task Unknown_KEKs_and_other_suites_are_refused_before_any_call()
    {
        await using RemoteFixture kms = await ReadyAsync();
        byte[] edek = await kms.EncryptAsync();
        byte[] foreign = [.. edek];
        TestKeys.Random(KeyFingerprint.Size).CopyTo(foreign, 6);
        await kms.RefusedAsync(StatusCode.NotFound, r => r.DecryptAsync(foreign));
        byte[] suite1 = [.. edek];
        suite1[5] = (byte)EdekSuite.Kek;
        await kms.RefusedAsync(StatusCode.InvalidArgument, r => r.DecryptAsync(suite1));
        Assert.Equal(0, kms.Kms.Decrypts);
    }

    [Theory]
    [InlineData(0, StatusCode.Unavailable)]
    [InlineData(Edek.MaxSize - Edek.HeaderSize + 1, StatusCode.InvalidArgument)]
    public async Task A_ciphertext_that_makes_no_EDEK_is_refused(int size, StatusCode expected)
    {
        await using RemoteFixture kms = await ReadyAsync();
        kms.Kms.MakeCiphertext = _ => new byte[size];
        await kms.RefusedAsync(expected, r => r.EncryptAsync());
        kms.Kms.MakeCiphertext = _ => new byte[Edek.MaxSize - Edek.HeaderSize];
        Assert.Equal(Edek.MaxSize, (await kms.EncryptAsync()).Length);
    }

    [Theory]
    [InlineData(RemoteKmsFailure.Unavailable, StatusCode.Unavailable)]
    [InlineData(RemoteKmsFailure.Denied, StatusCode.FailedPrecondition)]
    [InlineData(RemoteKmsFailure.UnknownKek, StatusCode.NotFound)]
    [InlineData(RemoteKmsFailure.NotAuthentic, StatusCode.InvalidArgument)]
    public async Task Each_failure_of_the_KMS_has_its_status(RemoteKmsFailure failure, StatusCode expected)
    {
        await using RemoteFixture kms = await ReadyAsync(RemoteFixture.Options with { PollInterval = TimeSpan.FromHours(1) });
        byte[] edek = await kms.EncryptAsync();
        kms.Kms.Failure = new RemoteKmsException(failure, "as scripted");
        await kms.RefusedAsync(expected, r => r.DecryptAsync(edek));
        await kms.RefusedAsync(expected, r => r.EncryptAsync());
        kms.Kms.Failure = null;
        Assert.Equal(TestKeys.Of(1), await kms.DecryptAsync(edek));
    }

    [Fact]
    public async Task A_KMS_that_does_not_answer_is_given_up()
    {
        await using RemoteFixture kms = await ReadyAsync(
            RemoteFixture.Options with { PollInterval = TimeSpan.FromHours(1), Timeout = TimeSpan.FromMilliseconds(200) });
        kms.Kms.Silent = true;
        RpcException refused = await kms.RefusedAsync(StatusCode.Unavailable, r => r.EncryptAsync());
        Assert.Contains("did not answer within 200 ms", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_makes_Status_an_error_and_ends_by_itself()
    {
        await using RemoteFixture kms = await ReadyAsync();
        kms.Kms.Failure = new RemoteKmsException(RemoteKmsFailure.Denied, "revoked");
        await Eventually.TrueAsync(() => kms.Status.KeyId is null, "Status an error");
        Assert.Equal(StatusCode.FailedPrecondition, kms.Status.ErrorCode);
        kms.Kms.Failure = null;
        await kms.ReadyAsync();
    }

    private static Task<RemoteFixture> ReadyAsync(RemoteOptions? options = null) =>
        new RemoteFixture(options: options, passthrough: true).ReadyAsync();
}
