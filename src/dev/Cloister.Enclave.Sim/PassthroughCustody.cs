using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Custody.Leases;
using Cloister.Enclave.Keys.Envelope;

namespace Cloister.Enclave.Sim;

/// <summary>
/// Custody passthrough, the baseline: every encryption and decryption is one call of the remote KMS, nothing is kept.
/// secrets: plaintexts pass through.
/// </summary>
internal sealed class PassthroughCustody : ICustody
{
    private readonly IRemoteKms _kms;
    private readonly RemoteKekWatch _watch;
    private readonly EnvelopeContext _context;
    private readonly TimeSpan _timeout;

    /// <summary>Starts asking the KMS for its KEK.</summary>
    public PassthroughCustody(EnvelopeContext context, IRemoteKms kms, RemoteOptions options, EnclaveLog log)
    {
        _context = context;
        _kms = kms;
        _timeout = options.Timeout;
        _watch = new RemoteKekWatch(kms, context, options, log);
    }

    /// <inheritdoc/>
    public string Name => "passthrough";

    /// <inheritdoc/>
    public LeaseReport? Lease => _kms.Lease;

    /// <inheritdoc/>
    public LeaseSource? Certificates => _kms.Certificates;

    /// <inheritdoc/>
    public CustodyStatus Status => _watch.Current.Status;

    /// <inheritdoc/>
    public async ValueTask<EncryptResult> EncryptAsync(ReadOnlyMemory<byte> plaintext, Memory<byte> edek, CancellationToken cancellation)
    {
        KeyFingerprint kek = _watch.Current.Active;
        EdekCipher.CheckPlaintext(plaintext.Length, Edek.MaxSize - Edek.HeaderSize);
        IReadOnlyList<byte[]> ciphertexts = await RemoteCall.RunAsync(
            kek, _timeout, token => _kms.EncryptAsync(kek, _context, [plaintext], token), cancellation);
        if (ciphertexts is not [{ Length: > 0 } ciphertext])
        {
            throw new FailureException(FailureKind.Unavailable, "the remote KMS returned no ciphertext");
        }

        if (ciphertext.Length > Edek.MaxSize - Edek.HeaderSize)
        {
            throw new FailureException(FailureKind.Invalid, $"the remote KMS made a ciphertext of {ciphertext.Length} bytes, which does not fit into an EDEK of {Edek.MaxSize}");
        }

        int bound = Edek.WriteBound(edek.Span, EdekSuite.Remote, kek, default);
        ciphertext.CopyTo(edek[bound..]);
        return new EncryptResult(KeyId.Format(kek), bound + ciphertext.Length);
    }

    /// <inheritdoc/>
    public ValueTask<int> DecryptAsync(KeyFingerprint kek, ReadOnlyMemory<byte> edek, Memory<byte> plaintext, CancellationToken cancellation)
    {
        Edek parsed = Edek.Parse(edek.Span);
        if (parsed.Suite != EdekSuite.Remote)
        {
            throw EdekFailure.WrongSuite(parsed.Suite, Name);
        }

        RemoteCall.RequireKnown(_watch.Current, kek);
        ReadOnlyMemory<byte> ciphertext = edek[^parsed.Payload.Length..];
        return RemoteCall.RunAsync(kek, _timeout, token => _kms.DecryptAsync(kek, _context, ciphertext, plaintext, token), cancellation);
    }

    /// <summary>Stops asking the KMS, and gives it up.</summary>
    public async ValueTask DisposeAsync()
    {
        await _watch.DisposeAsync();
        await _kms.DisposeAsync();
    }
}
