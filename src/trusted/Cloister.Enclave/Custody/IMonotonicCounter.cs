namespace Cloister.Enclave.Custody;

/// <summary>
/// A number of the platform that only grows and that a host cannot set back: with it, an old sealed file is known for what it is.
/// secrets: none.
/// </summary>
public interface IMonotonicCounter
{
    /// <summary>Its value; 0 before the first increment.</summary>
    /// <exception cref="SealException">The platform does not give it.</exception>
    ulong Read();

    /// <summary>Adds one, durably.</summary>
    /// <returns>The new value.</returns>
    /// <exception cref="SealException">The platform does not do it.</exception>
    ulong Increment();
}
