using Cloister.Enclave.Memory;

namespace Cloister.Enclave.Custody;

/// <summary>Gives the key that only this enclave on this platform can have. secrets: the sealing key.</summary>
public interface ISealer
{
    /// <summary>How the key is bound, in words, for logs.</summary>
    string Description { get; }

    /// <summary>The sealing key, owned by the caller.</summary>
    /// <exception cref="SealException">The platform does not give it.</exception>
    SecretKey SealingKey(SecretArena arena);

    /// <summary>Tells an old sealed file from the newest, or null where the platform cannot.</summary>
    /// <param name="file">Name of the sealed file, without its folder: each has a counter of its own.</param>
    IMonotonicCounter? CounterOf(string file) => null;
}
