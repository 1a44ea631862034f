namespace Cloister.Fuzz;

/// <summary>One reader of hostile bytes.</summary>
internal interface IFuzzTarget
{
    /// <summary>Its name on the command line.</summary>
    string Name { get; }

    /// <summary>Well-formed inputs to start from.</summary>
    IReadOnlyList<byte[]> Seeds { get; }

    /// <summary>The next input. A target that knows what its inputs are made of may change parts and keep the whole well-formed.</summary>
    byte[] Mutate(Mutator mutator, IReadOnlyList<byte[]> corpus) => mutator.Mutate(corpus);

    /// <summary>
    /// Reads the input. True when it was accepted. Anything but a refusal of the documented type, and any broken property, throws.
    /// </summary>
    bool Run(ReadOnlySpan<byte> input);
}
