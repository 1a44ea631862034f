using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
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
            FailureException refused = await kms.RefusedAsync(FailureKind.Invalid, r => r.DecryptAsync(edek));
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
        await kms.RefusedAsync(FailureKind.NotFound, r => r.DecryptAsync(foreign));
        byte[] suite1 = [.. edek];
        suite1[5] = (byte)EdekSuite.Kek;
        await kms.RefusedAsync(FailureKind.Invalid, r => r.DecryptAsync(suite1));
        Assert.Equal(0, kms.Kms.Decrypts);
    }

    [Theory]
    [InlineData(0, FailureKind.Unavailable)]
    [InlineData(Edek.MaxSize - Edek.HeaderSize + 1, FailureKind.Invalid)]
    public async Task A_ciphertext_that_makes_no_EDEK_is_refused(int size, FailureKind expected)
    {
        await using RemoteFixture kms = await ReadyAsync();
        kms.Kms.MakeCiphertext = _ => new byte[size];
        await kms.RefusedAsync(expected, r => r.EncryptAsync());
        kms.Kms.MakeCiphertext = _ => new byte[Edek.MaxSize - Edek.HeaderSize];
        Assert.Equal(Edek.MaxSize, (await kms.EncryptAsync()).Length);
    }

    [Theory]
    [InlineData(RemoteKmsFailure.Unavailable, FailureKind.Unavailable)]
    [InlineData(RemoteKmsFailure.Denied, FailureKind.NotReady)]
    [InlineData(RemoteKmsFailure.UnknownKek, FailureKind.NotFound)]
    [InlineData(RemoteKmsFailure.NotAuthentic, FailureKind.Invalid)]
    public async Task Each_failure_of_the_KMS_has_its_status(RemoteKmsFailure failure, FailureKind expected)
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
        FailureException refused = await kms.RefusedAsync(FailureKind.Unavailable, r => r.EncryptAsync());
        Assert.Contains("did not answer within 200 ms", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_makes_Status_an_error_and_ends_by_itself()
    {
        await using RemoteFixture kms = await ReadyAsync();
        kms.Kms.Failure = new RemoteKmsException(RemoteKmsFailure.Denied, "revoked");
        await Eventually.TrueAsync(() => kms.Status.KeyId is null, "Status an error");
        Assert.Equal(FailureKind.NotReady, kms.Status.ErrorCode);
        kms.Kms.Failure = null;
        await kms.ReadyAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_denied_unwrap_is_known_before_anybody_reads(bool passthrough)
    {
        RemoteOptions often = RemoteFixture.Options with { TrialInterval = TimeSpan.FromMilliseconds(20) };
        await using RemoteFixture kms = await new RemoteFixture(options: often, passthrough: passthrough).ReadyAsync();
        Assert.True(kms.Kms.Trials > 0);
        kms.Kms.DecryptFailure = new RemoteKmsException(RemoteKmsFailure.Denied, "encryption only");
        await Eventually.TrueAsync(() => kms.Status.KeyId is null, "Status an error");
        Assert.Equal((FailureKind.NotReady, "the remote KMS refuses: trying an unwrap: encryption only"), (kms.Status.ErrorCode, kms.Status.Healthz));
        Assert.Equal(0, kms.Kms.Decrypts);

        // One that does not answer is told by its name, and what was known counts for a while.
        kms.Kms.DecryptFailure = null;
        await kms.ReadyAsync();
        kms.Kms.DecryptFailure = new RemoteKmsException(RemoteKmsFailure.Unavailable, "no more unwraps for now");
        await Eventually.TrueAsync(() => kms.Status.Healthz.EndsWith("trying an unwrap: no more unwraps for now", StringComparison.Ordinal), "what failed");
        Assert.NotNull(kms.Status.KeyId);
        kms.Kms.DecryptFailure = null;
        await kms.ReadyAsync();
    }

    [Fact]
    public async Task Trials_are_few()
    {
        RemoteOptions options = RemoteFixture.Options with { PollInterval = TimeSpan.FromMilliseconds(1) };
        await using RemoteFixture kms = await new RemoteFixture(options: options, passthrough: true).ReadyAsync();
        int asked = kms.Kms.Describes;
        await Eventually.TrueAsync(() => kms.Kms.Describes > asked + 20, "the KMS asked often");
        Assert.Equal(1, kms.Kms.Trials);
        kms.Kms.Rotate();
        await Eventually.TrueAsync(() => kms.Kms.Trials == 2, "the new version tried");
    }

    private static Task<RemoteFixture> ReadyAsync(RemoteOptions? options = null) =>
        new RemoteFixture(options: options, passthrough: true).ReadyAsync();
}
