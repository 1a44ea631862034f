namespace Cloister.Fuzz;

/// <summary>One reader of hostile bytes.</summary>
internal interface IFuzzTarget
{
    /// <summary>Its name on the command line.</summary>
    string Name { get; }

    /// <summary>Well-formed inputs to start from.</summary>
    IReadOnlyList<byte[]> Seeds { get; }

    /// <summary>
    /// Reads the input. True when it was accepted. Anything but a refusal of the documented type, and any broken property, throws.
    /// </summary>
    bool Run(ReadOnlySpan<byte> input);
}
