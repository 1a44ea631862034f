using Cloister.Contracts.Keys;

namespace Cloister.Enclave.Custody;

/// <summary>Custody manual as the namespaces of one rule see it: writes use the active version of the KEK that it names. secrets: plaintexts pass through.</summary>
internal sealed class NamedManualCustody(ManualCustody custody, string kek) : ICustody
{
    public string Name => custody.Name;

    public CustodyStatus Status => custody.StatusOf(kek);

    public bool HasKeks => custody.HasKeks;

    public bool Holds(KeyFingerprint fingerprint) => custody.Holds(fingerprint);

    public ValueTask<EncryptResult> EncryptAsync(ReadOnlyMemory<byte> plaintext, Memory<byte> edek, CancellationToken cancellation) =>
        custody.Encrypt(kek, plaintext, edek);

    public ValueTask<int> DecryptAsync(KeyFingerprint fingerprint, ReadOnlyMemory<byte> edek, Memory<byte> plaintext, CancellationToken cancellation) =>
        custody.DecryptAsync(fingerprint, edek, plaintext, cancellation);

    // Not its own.
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
