using Cloister.Contracts.Envelope;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Sim;

namespace Cloister.Enclave.Tests.Support;

/// <summary>Custody remote or passthrough over a scripted KMS.</summary>
internal sealed class RemoteFixture : IAsyncDisposable
{
    /// <summary>Quick to notice changes; one write for each DEK; patient with answers.</summary>
    internal static readonly RemoteOptions Options = new()
    {
        Timeout = TimeSpan.FromSeconds(30),
        PollInterval = TimeSpan.FromMilliseconds(20),
        RetryInterval = TimeSpan.FromMilliseconds(20),
        MaxStaleness = TimeSpan.FromMinutes(5),
        PoolSize = 8,
        DekMaxUses = 1,
        CacheEntries = 64,
    };

    private readonly ICustody _custody;
    private bool _disposed;

    internal RemoteFixture(ScriptedKms? kms = null, RemoteOptions? options = null, bool passthrough = false)
    {
        Kms = kms ?? new ScriptedKms();
        _custody = passthrough
            ? new PassthroughCustody(TestKeys.Context(), Kms, options ?? Options, Log.Log)
            : new RemoteCustody(TestKeys.Context(), Kms, Arena, options ?? Options, Log.Log);
    }

    internal SecretArena Arena { get; } = new(4096);

    internal CapturedLog Log { get; } = new();

    internal ScriptedKms Kms { get; }

    internal RemoteCustody Remote => (RemoteCustody)_custody;

    internal CustodyStatus Status => _custody.Status;

    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        Kms.LetGo();
        await _custody.DisposeAsync();
    }

    internal async Task<RemoteFixture> ReadyAsync(int deks = 8)
    {
        await Eventually.TrueAsync(() => Status.Healthz == "ok", "Status ok");
        if (_custody is RemoteCustody remote)
        {
            await Eventually.TrueAsync(() => remote.ReadyDeks >= deks, "the pool filled");
        }

        return this;
    }

    internal async Task<byte[]> EncryptAsync(byte fill = 1)
    {
        byte[] edek = new byte[Edek.MaxSize];
        EncryptResult result = await _custody.EncryptAsync(TestKeys.Of(fill), edek, TestContext.Current.CancellationToken);
        Assert.Equal(Edek.Parse(edek.AsSpan(0, result.Length)).Kek.ToString(), result.KeyId);
        return edek[..result.Length];
    }

    internal async Task<byte[]> DecryptAsync(byte[] edek)
    {
        byte[] plaintext = new byte[Edek.MaxSize];
        int length = await _custody.DecryptAsync(Edek.Parse(edek).Kek, edek, plaintext, TestContext.Current.CancellationToken);
        return plaintext[..length];
    }

    internal async Task<FailureException> RefusedAsync(FailureKind expected, Func<RemoteFixture, Task> call)
    {
        FailureException refused = await Assert.ThrowsAsync<FailureException>(() => call(this));
        Assert.Equal((expected, refused.Message), (refused.Kind, refused.Message));
        return refused;
    }
}
