namespace Cloister.Enclave.Gateway;

/// <summary>What became of the covered values of one message, for metrics and alarms. secrets: none.</summary>
/// <param name="Encrypted">Values encrypted.</param>
/// <param name="Decrypted">Values decrypted.</param>
/// <param name="PassedThrough">Values left to the API server: another provider's, or plaintext that may be read.</param>
/// <param name="Refused">Values replaced by <see cref="EtcdMessages.RefusedValue"/>: plaintext, or another provider's, where none may be.</param>
/// <param name="Undecryptable">Values left as they are because they do not open.</param>
public readonly record struct RewriteResult(int Encrypted, int Decrypted, int PassedThrough, int Refused, int Undecryptable);
