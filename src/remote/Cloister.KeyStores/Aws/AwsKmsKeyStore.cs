using System.Security.Cryptography;
using Amazon.KeyManagementService;
using Amazon.KeyManagementService.Model;
using Amazon.Runtime;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;

namespace Cloister.KeyStores.Aws;

/// <summary>
/// KEKs that are keys of AWS KMS, found by an alias with their fingerprint, never released. Items are ciphertext blobs; the encryption
/// context is <c>purpose, cluster, provider, fingerprint</c>. KMS has no batches: items are sent 16 at a time.
/// secrets: items pass through; KEKs never leave KMS.
/// </summary>
public sealed class AwsKmsKeyStore : IKeyStore
{
    private const int MaxCiphertextSize = 6144;
    private const int CallsAtOnce = 16;

    private readonly AmazonKeyManagementServiceClient _kms;
    private readonly AwsKmsOptions _options;
    private int _isDisposed;

    /// <summary>Names the service. It is asked at the first use.</summary>
    /// <exception cref="ArgumentException">The endpoint is neither https nor on loopback.</exception>
    public AwsKmsKeyStore(AwsKmsOptions options)
    {
        if (options.Endpoint is { } endpoint && endpoint.Scheme != Uri.UriSchemeHttps && !endpoint.IsLoopback)
        {
            throw new ArgumentException("the endpoint of KMS begins with https://", nameof(options));
        }

        AmazonKeyManagementServiceConfig config = new() { Timeout = options.Timeout, MaxErrorRetry = 2, HttpClientFactory = new DirectClients(options.Timeout) };
        if (options.Endpoint is null)
        {
            config.RegionEndpoint = Amazon.RegionEndpoint.GetBySystemName(options.Region);
        }
        else
        {
            config.ServiceURL = options.Endpoint.ToString();
            config.AuthenticationRegion = options.Region;
        }

        _options = options;
        _kms = options.Credentials is null ? new AmazonKeyManagementServiceClient(config) : new AmazonKeyManagementServiceClient(options.Credentials, config);
    }

    /// <inheritdoc/>
    public string Kind => "aws-kms";

    /// <inheritdoc/>
    public bool CanRelease => false;

    /// <inheritdoc/>
    public Task CheckAsync(CancellationToken cancellation) => CallAsync(null, () => _kms.ListAliasesAsync(new ListAliasesRequest { Limit = 1 }, cancellation), cancellation);

    /// <inheritdoc/>
    public async Task CreateAsync(KekIdentity kek, CancellationToken cancellation)
    {
        if (await FindAsync(kek, cancellation) is not null)
        {
            throw StoreItems.Exists(kek);
        }

        CreateKeyRequest create = new() { KeySpec = KeySpec.SYMMETRIC_DEFAULT, KeyUsage = KeyUsageType.ENCRYPT_DECRYPT, Description = $"Cloister KEK {kek.Name} version {kek.Version}" };
        CreateKeyResponse created = await CallAsync(kek, () => _kms.CreateKeyAsync(create, cancellation), cancellation);
        try
        {
            await CallAsync(kek, () => _kms.CreateAliasAsync(new CreateAliasRequest { AliasName = AliasOf(kek), TargetKeyId = created.KeyMetadata.KeyId }, cancellation), cancellation);
        }
        catch (KeyStoreException)
        {
            // Nobody would find the key again.
            await CallAsync(kek, () => _kms.ScheduleKeyDeletionAsync(Deletion(created.KeyMetadata.KeyId), cancellation), cancellation);
            throw;
        }
    }

    /// <summary>Refused: a key that was outside KMS is not a key that never leaves it.</summary>
    /// <exception cref="KeyStoreException">Denied, always.</exception>
    public Task ImportAsync(KekIdentity kek, ReadOnlyMemory<byte> key, CancellationToken cancellation) => throw StoreItems.NoImport(Kind);

    /// <summary>Refused.</summary>
    /// <exception cref="KeyStoreException">Denied, always.</exception>
    public Task ReleaseAsync(KekIdentity kek, Memory<byte> key, CancellationToken cancellation) => throw StoreItems.NoRelease(Kind);

    /// <inheritdoc/>
    public Task<IReadOnlyList<byte[]>> WrapAsync(KekIdentity kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> items, CancellationToken cancellation)
    {
        StoreItems.CheckForWrap(items);
        return EachAsync(items, async item =>
        {
            byte[] plaintext = item.ToArray();
            try
            {
                EncryptRequest request = new() { KeyId = AliasOf(kek), EncryptionContext = ContextOf(kek, context), Plaintext = new MemoryStream(plaintext) };
                return (await CallAsync(kek, () => _kms.EncryptAsync(request, cancellation), cancellation)).CiphertextBlob.ToArray();
            }
            finally
            {
                CryptographicOperations.ZeroMemory(plaintext);
            }
        });
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<byte[]?>> UnwrapAsync(KekIdentity kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> items, CancellationToken cancellation) =>
        EachAsync<byte[]?>(items, async item =>
        {
            if (item.Length is 0 or > MaxCiphertextSize)
            {
                return null;
            }

            DecryptRequest request = new() { KeyId = AliasOf(kek), EncryptionContext = ContextOf(kek, context), CiphertextBlob = new MemoryStream(item.ToArray()) };
            try
            {
                return (await CallAsync(kek, () => _kms.DecryptAsync(request, cancellation), cancellation)).Plaintext.ToArray();
            }
            catch (KeyStoreException e) when (e.InnerException is InvalidCiphertextException or IncorrectKeyException)
            {
                return null;
            }
        });

    /// <summary>Deletes the alias, and the key after the days of the options: KMS has no shorter way.</summary>
    /// <exception cref="KeyStoreException">Unavailable or denied.</exception>
    public async Task DestroyAsync(KekIdentity kek, CancellationToken cancellation)
    {
        if (await FindAsync(kek, cancellation) is { } key)
        {
            if (key.KeyState != KeyState.PendingDeletion)
            {
                await CallAsync(kek, () => _kms.ScheduleKeyDeletionAsync(Deletion(key.KeyId), cancellation), cancellation);
            }

            await CallAsync(kek, () => _kms.DeleteAliasAsync(new DeleteAliasRequest { AliasName = AliasOf(kek) }, cancellation), cancellation);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            _kms.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private static Dictionary<string, string> ContextOf(KekIdentity kek, EnvelopeContext context) => new()
    {
        ["purpose"] = context.Purpose,
        ["cluster"] = context.Cluster,
        ["provider"] = context.Provider,
        ["fingerprint"] = kek.Fingerprint().ToString(),
    };

    private static async Task<IReadOnlyList<T>> EachAsync<T>(IReadOnlyList<ReadOnlyMemory<byte>> items, Func<ReadOnlyMemory<byte>, Task<T>> call)
    {
        T[] results = new T[items.Count];
        await Parallel.ForAsync(0, items.Count, new ParallelOptions { MaxDegreeOfParallelism = CallsAtOnce }, async (i, _) => results[i] = await call(items[i]));
        return results;
    }

    private async Task<KeyMetadata?> FindAsync(KekIdentity kek, CancellationToken cancellation)
    {
        try
        {
            return (await CallAsync(kek, () => _kms.DescribeKeyAsync(new DescribeKeyRequest { KeyId = AliasOf(kek) }, cancellation), cancellation)).KeyMetadata;
        }
        catch (KeyStoreException e) when (e.Failure == KeyStoreFailure.Unknown)
        {
            return null;
        }
    }

    private string AliasOf(KekIdentity kek) => _options.AliasPrefix + kek.Fingerprint();

    private ScheduleKeyDeletionRequest Deletion(string key) => new() { KeyId = key, PendingWindowInDays = _options.DeletionDays };

    private async Task<T> CallAsync<T>(KekIdentity? kek, Func<Task<T>> call, CancellationToken cancellation)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed) != 0, this);
        try
        {
            return await call();
        }
        catch (Exception e) when (e is AmazonClientException or AmazonServiceException or HttpRequestException or OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            throw AwsKmsFailures.Of(kek, e);
        }
    }
}
