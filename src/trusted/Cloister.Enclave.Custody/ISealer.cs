using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Custody;

/// <summary>Gives the key that only this enclave on this platform can have. secrets: the sealing key.</summary>
public interface ISealer
{
    /// <summary>How the key is bound, in words, for logs.</summary>
    string Description { get; }

    /// <summary>The sealing key, owned by the caller.</summary>
    /// <exception cref="SealException">The platform does not give it.</exception>
    SecretKey SealingKey(SecretArena arena);
}
