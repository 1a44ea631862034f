using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Custody;

/// <summary>What custody remote does while its KMS does not do what it should, and after.</summary>
public sealed class RemoteFailureTests
{
    private static readonly RemoteOptions Impatient = RemoteFixture.Options with { Timeout = TimeSpan.FromMilliseconds(200) };

    public static TheoryData<string> Silences => new() { "unavailable", "no answer" };

    [Theory]
    [MemberData(nameof(Silences))]
    public async Task A_silent_KMS_shows_in_healthz_while_writes_and_reads_go_on(string how)
    {
        await using RemoteFixture remote = await new RemoteFixture(options: Impatient).ReadyAsync();
        byte[] edek = await remote.EncryptAsync(1);
        string keyId = remote.Status.KeyId!;
        Silence(remote.Kms, how);
        await Eventually.TrueAsync(() => remote.Status.Healthz.Contains("has not answered", StringComparison.Ordinal), "healthz says so");
        Assert.Equal(keyId, remote.Status.KeyId);
        Assert.Equal(TestKeys.Of(1), await remote.DecryptAsync(edek));
        Assert.Equal(TestKeys.Of(2), await remote.DecryptAsync(await remote.EncryptAsync(2)));

        EndSilence(remote.Kms);
        await Eventually.TrueAsync(() => remote.Status.Healthz == "ok", "ok by itself");
        Assert.Equal(keyId, remote.Status.KeyId);
    }

    [Theory]
    [MemberData(nameof(Silences))]
    public async Task Silent_for_too_long_Status_is_an_error_and_recovers_by_itself(string how)
    {
        await using RemoteFixture remote = await new RemoteFixture(options: Impatient with { MaxStaleness = TimeSpan.FromMilliseconds(500) }).ReadyAsync();
        byte[] edek = await remote.EncryptAsync(1);
        Silence(remote.Kms, how);
        await Eventually.TrueAsync(() => remote.Status.KeyId is null, "Status an error");
        Assert.Equal(FailureKind.Unavailable, remote.Status.ErrorCode);
        await remote.RefusedAsync(FailureKind.Unavailable, r => r.EncryptAsync());

        // What is in the cache needs no KMS.
        Assert.Equal(TestKeys.Of(1), await remote.DecryptAsync(edek));
        EndSilence(remote.Kms);
        await remote.ReadyAsync(deks: 1);
        Assert.Equal(TestKeys.Of(1), await remote.DecryptAsync(await remote.EncryptAsync(1)));
    }

    [Theory]
    [MemberData(nameof(Silences))]
    public async Task A_KMS_that_never_answered_makes_Status_an_error(string how)
    {
        ScriptedKms kms = new();
        Silence(kms, how);
        await using RemoteFixture remote = new(kms, Impatient);
        await Eventually.TrueAsync(() => kms.Describes > 2, "the KMS asked");
        Assert.Equal((null, FailureKind.Unavailable), (remote.Status.KeyId, remote.Status.ErrorCode));
        await remote.RefusedAsync(FailureKind.Unavailable, r => r.EncryptAsync());
        EndSilence(kms);
        await remote.ReadyAsync();
    }

    [Theory]
    [MemberData(nameof(Silences))]
    public async Task A_cold_read_fails_with_Unavailable_and_the_next_one_asks_again(string how)
    {
        await using RemoteFixture writer = await new RemoteFixture().ReadyAsync();
        byte[] edek = await writer.EncryptAsync(1);
        await using RemoteFixture reader = await new RemoteFixture(writer.Kms, Impatient).ReadyAsync();
        Silence(reader.Kms, how);
        await reader.RefusedAsync(FailureKind.Unavailable, r => r.DecryptAsync(edek));
        EndSilence(reader.Kms);
        await Eventually.TrueAsync(() => reader.Status.Healthz == "ok", "ok by itself");
        Assert.Equal(TestKeys.Of(1), await reader.DecryptAsync(edek));
    }

    [Fact]
    public async Task An_empty_pool_fails_with_Unavailable_and_says_why()
    {
        await using RemoteFixture remote = await new RemoteFixture(options: Impatient).ReadyAsync();
        remote.Kms.Hold();
        for (int i = 0; i < RemoteFixture.Options.PoolSize; i++)
        {
            await remote.EncryptAsync();
        }

        FailureException refused = await remote.RefusedAsync(FailureKind.Unavailable, r => r.EncryptAsync());
        Assert.Contains("no wrapped DEK is left", refused.Message, StringComparison.Ordinal);
        await Eventually.TrueAsync(() => remote.Status.Healthz.StartsWith("no new wrapped DEKs (0 left)", StringComparison.Ordinal), "Status says so");
        Assert.NotNull(remote.Status.KeyId);
        remote.Kms.LetGo();
        await remote.ReadyAsync();
        await remote.EncryptAsync();
    }

    [Fact]
    public async Task A_refusal_makes_Status_an_error_wipes_every_DEK_and_ends_by_itself()
    {
        await using RemoteFixture remote = await new RemoteFixture().ReadyAsync();
        byte[] edek = await remote.EncryptAsync(1);
        Assert.True(remote.Arena.InUse > 0);
        remote.Kms.Failure = new RemoteKmsException(RemoteKmsFailure.Denied, "this enclave is revoked");
        await Eventually.TrueAsync(() => remote.Status.KeyId is null, "Status an error");
        Assert.Equal(FailureKind.NotReady, remote.Status.ErrorCode);
        Assert.Contains("this enclave is revoked", remote.Status.Healthz, StringComparison.Ordinal);
        await Eventually.TrueAsync(() => remote.Arena.InUse == 0, "every DEK wiped");
        Assert.Equal((0, 0), (remote.Remote.CachedDeks, remote.Remote.ReadyDeks));
        await remote.RefusedAsync(FailureKind.NotReady, r => r.EncryptAsync());
        await remote.RefusedAsync(FailureKind.NotReady, r => r.DecryptAsync(edek));

        remote.Kms.Failure = null;
        await remote.ReadyAsync();
        Assert.Equal(TestKeys.Of(1), await remote.DecryptAsync(edek));
        await remote.EncryptAsync();
    }

    // A fault of the client of the KMS must not end the watch: Status would stay ok for ever.
    [Fact]
    public async Task A_fault_counts_as_silence_and_is_logged_without_its_text()
    {
        await using RemoteFixture remote = await new RemoteFixture(options: Impatient with { MaxStaleness = TimeSpan.FromMilliseconds(500) }).ReadyAsync();
        remote.Kms.Failure = new InvalidDataException("TOPSECRET");
        await Eventually.TrueAsync(() => remote.Status.KeyId is null, "Status an error");
        Assert.Contains(remote.Log.Lines, line => line.StartsWith("Error", StringComparison.Ordinal) && line.Contains("InvalidDataException", StringComparison.Ordinal));
        Assert.DoesNotContain(remote.Log.Lines, line => line.Contains("TOPSECRET", StringComparison.Ordinal));
        remote.Kms.Failure = null;
        await remote.ReadyAsync();
        await remote.EncryptAsync();
    }

    [Fact]
    public async Task A_fault_while_wrapping_does_not_end_the_filling_of_the_pool()
    {
        ScriptedKms kms = new() { MakeCiphertext = _ => throw new InvalidDataException("TOPSECRET") };
        await using RemoteFixture remote = new(kms, Impatient);
        await Eventually.TrueAsync(() => remote.Status.Healthz.Contains("a fault in the enclave", StringComparison.Ordinal), "Status says so");
        await Eventually.TrueAsync(() => remote.Arena.InUse == 0, "the DEKs of the failed batch wiped");
        kms.MakeCiphertext = ciphertext => ciphertext;
        await remote.ReadyAsync();
        await remote.EncryptAsync();
        Assert.DoesNotContain(remote.Log.Lines, line => line.Contains("TOPSECRET", StringComparison.Ordinal));
    }

    private static void Silence(ScriptedKms kms, string how)
    {
        if (how == "no answer")
        {
            kms.Silent = true;
        }
        else
        {
            kms.Failure = new RemoteKmsException(RemoteKmsFailure.Unavailable, "unreachable");
        }
    }

    private static void EndSilence(ScriptedKms kms)
    {
        kms.Silent = false;
        kms.Failure = null;
    }
}
