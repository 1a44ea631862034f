namespace Cloister.Enclave.Custody;

/// <summary>What an encryption came to. secrets: none.</summary>
/// <param name="KeyId">key_id of the KEK that was used; the one that Status gave from the same snapshot.</param>
/// <param name="Length">Bytes of the EDEK.</param>
public readonly record struct EncryptResult(string KeyId, int Length);
