# The text of Get-Help, by cmdlet. Build-Help.ps1 adds what the cmdlets say of themselves (types, positions, pipeline input) and writes en-US/DimensionStore.PowerShell.dll-Help.xml.
@{
    Common  = @{
        Store        = 'The store to work on, as Open-DimensionStore returns it. Without it the store opened last is used. Objects that came from a store carry it along in a pipeline.'
        WhatIf       = 'Shows what would be done, and does nothing.'
        Confirm      = 'Asks before each change.'
        LiteralPath  = 'Files, taken exactly as written: wildcard characters such as [ and ] stand for themselves. Files from Get-ChildItem bind here.'
        Path         = 'Files. Wildcards are allowed; paths are relative to the current location of PowerShell. A pattern that matches nothing gives nothing, a name that is not there is an error.'
        Block        = 'Blocks, as New-MemoryBlock and Get-MemoryBlock return them.'
        Address      = 'Addresses of the first byte of blocks in use.'
        Proto        = 'The proto-dimension, as New-ProtoDimension returns it, or its name.'
        InputObject  = 'What makes an entry: an object or table with Layer, Keywords and Content; a row of Import-Csv, whose Keywords cell separates keywords by semicolons; a file from Get-ChildItem, whose name without extension becomes the keyword; a text; a byte array; single bytes, which together make one entry. An object without Content may name a file in PSPath, FilePath, FullName or Path.'
        Layer        = 'Layer, 0 to 3, of entries that name none themselves.'
        Keywords     = 'Keywords of entries that have none of their own.'
        Frequency    = 'Frequency in hertz of all layers to which -LayerSetting gives none. 0 or more.'
        LayerSetting = 'A table with settings per layer: @{ 0 = @{ Frequency = 4.5; Depth = 0; Keywords = ''one'', ''two''; Codec = ''None'' } }. Depth defaults to the number of the layer, Keywords to those of the entries. A layer that is named here is in the file even without entries.'
        Destination  = 'The directory that gets the files. It is made if it is not there, and taken literally.'
        Allocator    = 'The allocator, as New-MemoryAllocator returns it, or its name. A variable that is not set is refused.'
        PassThru     = 'Writes the object that was changed. Without it nothing is written.'
    }

    Cmdlets = @{
        'New-DimensionFile'       = @{
            Synopsis    = 'Makes a dimension file from objects, CSV rows, files, texts or bytes.'
            Description = @(
                'New-DimensionFile writes one dimension file from what comes down the pipeline. Entries are written as they arrive, so memory stays flat however much data there is. The file appears under its name whole, synced to the disk and at once, or not at all: when an object is no entry, the command ends with an error and nothing is written.'
                'The file carries checksums and a keyword index, unless -Plain asks for a plain V1 file. Files of D09 and D14 are sealed; they are never replaced, -Force or not.'
            )
            Parameters  = @{
                Path  = 'The file to make, taken literally. In a store it is called D01.mmap, D02.mmap, and so on.'
                Id    = 'The dimension: D01, d1 or 1, up to 65535.'
                Name  = 'Name of the dimension, 1 to 64 bytes of UTF-8. Core dimensions (D01 to D14) have a name of their own and need none.'
                Codec = 'How layers are stored to which -LayerSetting gives no codec: None (the default, read without a copy), Brotli, ZLib, or Lz4 and Zstd, which use the liblz4 or libzstd of the system and end with the error CodecUnavailable where there is none.'
                Plain = 'Makes a plain V1 file: no checksums, no keyword index, readable by every V1 reader. Not for D09 and D14: without a seal no store takes them.'
                Force = 'Replaces an existing file. Immutable files are kept all the same.'
            }
            Examples    = @(
                @{ Title = 'From CSV rows'; Code = 'Import-Csv glossary.csv | New-DimensionFile -Path store/D07.mmap -Id D07'; Remarks = 'The columns are Layer, Keywords (separated by semicolons) and Content.' }
                @{ Title = 'From text files'; Code = 'Get-ChildItem runbooks -Filter *.md | New-DimensionFile store/D15.mmap D15 Runbooks -Force'; Remarks = 'Every file is an entry in layer 0; its name without extension is the keyword.' }
                @{ Title = 'From objects, with settings per layer'; Code = '[pscustomobject]@{ Layer = 1; Keywords = ''joy'', ''delight''; Content = ''A feeling of great pleasure.'' } | New-DimensionFile store/D01.mmap D01 -LayerSetting @{ 1 = @{ Frequency = 7.83; Depth = 2 } }'; Remarks = 'Makes a file with layer 1 alone.' }
            )
            Inputs      = 'System.Management.Automation.PSObject'
            Links       = 'Get-DimensionFile', 'Test-DimensionFile', 'about_DimensionStore'
        }
        'Get-DimensionFile'       = @{
            Synopsis    = 'Shows what dimension files say of themselves.'
            Description = @('Get-DimensionFile reads and checks header and metadata of dimension files: dimension, name, length, layers, seal, index. It does not read the contents, so that it costs the same whatever the size of a file. Test-DimensionFile checks everything.')
            Parameters  = @{}
            Examples    = @(
                @{ Title = 'All files of a store'; Code = 'Get-DimensionFile store/*.mmap'; Remarks = 'Gives one object per file.' }
                @{ Title = 'The layers of a file'; Code = '(Get-DimensionFile store/D01.mmap).Layers'; Remarks = 'Shows number, depth, frequency, size, codec and keywords of each layer.' }
            )
            Inputs      = 'System.String'
            Links       = 'Test-DimensionFile', 'New-DimensionFile'
        }
        'Test-DimensionFile'      = @{
            Synopsis    = 'Checks every byte of dimension files.'
            Description = @('Test-DimensionFile checks header, metadata, the checksums of all layers and of the keyword index, the structure of the index, padding and seal. A broken file is a result whose IsValid is false, with the rule that is broken and the offset where it shows; only what cannot be read is an error. A plain V1 file has no checksums: of it, structure alone can be checked.')
            Parameters  = @{ Quiet = 'Writes true or false alone.' }
            Examples    = @(
                @{ Title = 'The broken files of a store'; Code = 'Test-DimensionFile store/*.mmap | Where-Object -Not IsValid'; Remarks = 'Writes nothing when all is well.' }
                @{ Title = 'In a condition'; Code = 'if (-not (Test-DimensionFile store/D01.mmap -Quiet)) { throw ''D01 is broken'' }'; Remarks = 'With -Quiet the answer is a Boolean.' }
            )
            Inputs      = 'System.String'
            Links       = 'Get-DimensionFile', 'about_DimensionStore_Hazards'
        }
        'New-DimensionSet'        = @{
            Synopsis    = 'Makes the files of all dimensions of a catalog.'
            Description = @('New-DimensionSet makes a dimension file for every dimension that a catalog describes. The catalog that ships with the module describes D01 to D14, each with four layers. Existing files are an error without -Force; with it they are replaced, except immutable ones, which are kept and marked by WasKept.')
            Parameters  = @{
                CatalogPath = 'The catalog, a JSON file of the form of data/dimensions.json. Without it the one that ships with the module is used.'
                Force       = 'Replaces existing files. Immutable ones are kept.'
            }
            Examples    = @(@{ Title = 'The fourteen core dimensions'; Code = 'New-DimensionSet -Destination store'; Remarks = 'Makes D01.mmap to D14.mmap in the directory store.' })
            Links       = 'Open-DimensionStore', 'Import-DimensionWordNet'
        }
        'Import-DimensionWordNet' = @{
            Synopsis    = 'Makes dimension files of WordNet 3.0.'
            Description = @('Import-DimensionWordNet reads the database files of WordNet 3.0 (data.noun, data.verb, data.adj, data.adv) and distributes its 117,659 synsets over dimensions by their lexicographer files. Every synset becomes an entry: its lemmas are the keywords, its gloss is the content.')
            Parameters  = @{
                SourcePath = 'The directory that holds the four files, taken literally. Without it /usr/share/wordnet, where Debian''s package wordnet-base puts them.'
                Force      = 'Replaces existing files. An immutable one stops the import before anything is written.'
            }
            Examples    = @(@{ Title = 'Import into a new store'; Code = 'Import-DimensionWordNet -Destination wordnet -WhatIf'; Remarks = 'Shows what would be done; without -WhatIf, does it.' })
            Links       = 'New-DimensionSet', 'Find-DimensionEntry'
        }
        'Open-DimensionStore'     = @{
            Synopsis    = 'Opens a directory of dimension files as a store.'
            Description = @(
                'Open-DimensionStore maps the dimension files D01.mmap, D02.mmap and so on of a directory and returns a store object. The store becomes the default one: commands without -Store use it. Several stores can be open at once. A store belongs to the whole process, so that the threads of ForEach-Object -Parallel find it too.'
                'Core dimensions whose file is missing answer from the simulation, and say so; a broken file is an error, and its dimension answers nothing. With the residency Shared, whoever can truncate the files in place can kill this process: see about_DimensionStore_Hazards.'
            )
            Parameters  = @{
                Path               = 'The directory. Without it data/consciousness below the current location, which may be missing: all answers then come from the simulation. A directory that is named must exist.'
                LiteralPath        = 'The directory, taken exactly as written.'
                TotalMemoryMb      = 'Limit in MiB for mapped files, pool and decompressed layers together. 280 by default.'
                WarningThreshold   = 'Percent of the limit at which pressure is Warning. 75 by default.'
                EvictionThreshold  = 'Percent of the limit at which dimensions are evicted. 85 by default.'
                CriticalThreshold  = 'Percent of the limit at which pressure is Critical. 95 by default.'
                Eviction           = 'Which dimension leaves memory first: Lfu, the least frequently used, or Lru, the least recently used. Lfu when omitted.'
                Residency          = 'Shared maps files, so that all processes share their pages. Private copies them into memory of this process that nobody can change. Immutable dimensions are always private.'
                Verify             = 'Checks every byte of every file while opening, not only header and metadata.'
                NoSimulation       = 'Does not answer from the simulation where a file is missing.'
                SimulationDataPath = 'The catalog that the simulation answers from. Without it the one that ships with the module is used.'
                LayoutPath         = 'The layout: which dimension may have which size. Without it the one that ships with the module is used.'
            }
            Examples    = @(
                @{ Title = 'Open, find, close'; Code = 'Open-DimensionStore store; Find-DimensionEntry joy; Close-DimensionStore'; Remarks = 'The default store needs no variable.' }
                @{ Title = 'Two stores'; Code = '$a = Open-DimensionStore store; $b = Open-DimensionStore wordnet; Find-DimensionEntry joy -Store $a'; Remarks = '-Store chooses between open stores.' }
            )
            Links       = 'Close-DimensionStore', 'Get-DimensionStore', 'about_DimensionStore_Hazards'
        }
        'Close-DimensionStore'    = @{
            Synopsis    = 'Closes stores and gives their memory back.'
            Description = @('Close-DimensionStore waits for readers, unmaps all dimensions and gives the pool back. Blocks and proto-dimensions of the store are gone afterwards. Remove-Module closes all stores.')
            Parameters  = @{
                Store = 'The stores to close. Without it the default store, which is the one opened last.'
                All   = 'Closes every open store.'
            }
            Examples    = @(@{ Title = 'Close all stores'; Code = 'Get-DimensionStore | Close-DimensionStore'; Remarks = 'The same as Close-DimensionStore -All.' })
            Inputs      = 'DimensionStore.PowerShell.DimensionStoreSession'
            Links       = 'Open-DimensionStore', 'Get-DimensionStore'
        }
        'Get-DimensionStore'      = @{
            Synopsis    = 'Lists the open stores.'
            Description = @('Get-DimensionStore lists the stores that are open in this process, in the order of opening. The last one is the default.')
            Parameters  = @{
                Path    = 'Directory of the store. Wildcards are allowed.'
                Default = 'Only the store that commands use without -Store.'
            }
            Examples    = @(@{ Title = 'What is open'; Code = 'Get-DimensionStore'; Remarks = 'Writes nothing when no store is open.' })
            Links       = 'Open-DimensionStore', 'Close-DimensionStore'
        }
        'Get-Dimension'           = @{
            Synopsis    = 'Lists the dimensions of a store.'
            Description = @('Get-Dimension shows every dimension the store knows of: whether it answers from its file (Loaded), from the simulation (Simulated), not now (NotLoaded), or not at all (Failed; Error says why).')
            Parameters  = @{
                Id    = 'The dimensions: D01, d1, 1, or patterns such as D0*. All when omitted. One that is not known is an error.'
                Name  = 'The dimensions by name, in any case. Wildcards are allowed.'
                State = 'Only dimensions in these states.'
            }
            Examples    = @(
                @{ Title = 'All of them'; Code = 'Get-Dimension'; Remarks = 'In ascending order.' }
                @{ Title = 'What is simulated'; Code = 'Get-Dimension -State Simulated'; Remarks = 'These have no file.' }
            )
            Inputs      = 'System.String'
            Links       = 'Mount-Dimension', 'Get-DimensionLayer'
        }
        'Mount-Dimension'         = @{
            Synopsis    = 'Loads dimensions into a store.'
            Description = @('Mount-Dimension loads dimensions from the directory of the store, or from files anywhere. One that is loaded already is loaded again if its file was replaced; readers keep the old bytes until they are done.')
            Parameters  = @{ Id = 'The dimensions: D01, d1, 1, or patterns of those the store knows.' }
            Examples    = @(
                @{ Title = 'Load again what was dismounted'; Code = 'Mount-Dimension D01'; Remarks = 'Writes the dimension as it is now.' }
                @{ Title = 'From a file elsewhere'; Code = 'Mount-Dimension -Path extra/D20.mmap'; Remarks = 'The file says which dimension it holds.' }
            )
            Inputs      = 'System.String'
            Links       = 'Dismount-Dimension', 'Get-Dimension'
        }
        'Dismount-Dimension'      = @{
            Synopsis    = 'Takes dimensions out of memory.'
            Description = @('Dismount-Dimension unloads dimensions; their files stay. Readers that hold one keep it until they are done. Immutable dimensions (D09, D14) stay as long as the store is open. A dimension that is not loaded is an error when it is named, and passed over when a pattern finds it.')
            Parameters  = @{ Id = 'The dimensions: D01, d1, 1, or patterns such as D0*.' }
            Examples    = @(@{ Title = 'Unload one'; Code = 'Dismount-Dimension D01 -PassThru'; Remarks = 'With -PassThru the dimension is written as it is afterwards.' })
            Inputs      = 'System.String'
            Links       = 'Mount-Dimension', 'Get-Dimension'
        }
        'Get-DimensionLayer'      = @{
            Synopsis    = 'Lists the layers of dimensions.'
            Description = @('Get-DimensionLayer shows number, depth, frequency, keywords, size and codec of layers. The LayerId it gives, such as D01:0, is what Get-DimensionContent and Get-DimensionContext take.')
            Parameters  = @{
                Id    = 'The dimensions: D01, d1, 1, or patterns such as D0*. All when omitted.'
                Layer = 'Only layers with these numbers. One that a named dimension does not have is an error.'
            }
            Examples    = @(@{ Title = 'Layers by frequency'; Code = 'Get-DimensionLayer | Sort-Object Frequency'; Remarks = 'Frequencies are numbers, in hertz.' })
            Inputs      = 'System.String'
            Links       = 'Get-DimensionContent', 'Get-DimensionContext'
        }
        'Get-DimensionContent'    = @{
            Synopsis    = 'Reads the content of layers, as text or bytes.'
            Description = @('Get-DimensionContent writes the content of a layer as one text, decoded as UTF-8, or as one byte array. What is written is a copy: it stays valid whatever happens to the store.')
            Parameters  = @{
                LayerId      = 'The layers: the dimension, a colon and the layer number, as in D01:0. What Get-DimensionLayer, Find-DimensionEntry and Get-DimensionContext give stands for its layer.'
                Offset       = 'First byte to read, from the start of the layer.'
                Count        = 'How many bytes to read. To the end of the layer when omitted.'
                AsByteStream = 'Writes one byte array per layer instead of one text.'
            }
            Examples    = @(
                @{ Title = 'As text'; Code = 'Get-DimensionContent D01:0'; Remarks = 'One text, line breaks and all.' }
                @{ Title = 'An entry by its place'; Code = 'Get-DimensionContent D01:0 -Offset 0 -Count 16 -AsByteStream'; Remarks = 'Offsets and counts are bytes.' }
            )
            Inputs      = 'System.String'
            Links       = 'Get-DimensionLayer', 'Find-DimensionEntry'
        }
        'Find-DimensionEntry'     = @{
            Synopsis    = 'Finds entries by keyword: whole, by prefix or by pattern.'
            Description = @('Find-DimensionEntry looks keywords up in the index of the mapped files, in any case. A keyword with * (any run) or ? (one character) is a pattern; brackets stand for themselves. A whole keyword that nothing has is an error; a pattern or prefix that matches nothing is silent. Entries are written as they are found, so that Select-Object -First ends the search early.')
            Parameters  = @{
                Keyword        = 'Keywords, or patterns with * and ?.'
                LiteralKeyword = 'Keywords, in which * and ? stand for themselves.'
                Prefix         = 'What keywords begin with; * and ? stand for themselves.'
                Id             = 'Only in these dimensions: D01, d1, 1, or patterns such as D0*.'
                Layer          = 'Only in layers with these numbers.'
            }
            Examples    = @(
                @{ Title = 'A whole keyword'; Code = 'Find-DimensionEntry joy'; Remarks = 'Finds joy, Joy and JOY, not joyful.' }
                @{ Title = 'A prefix, in two dimensions'; Code = 'Find-DimensionEntry -Prefix jo -Id D01, D02'; Remarks = 'In ascending order of dimension, then keyword.' }
                @{ Title = 'A pattern'; Code = 'Find-DimensionEntry j*y | Select-Object -First 3'; Remarks = 'Stops after three entries.' }
            )
            Inputs      = 'System.String'
            Links       = 'Get-DimensionContent', 'about_DimensionStore'
        }
        'Get-DimensionContext'    = @{
            Synopsis    = 'Loads the contexts of a navigation path.'
            Description = @('Get-DimensionContext takes a sequence of layers and writes a context for each that can be answered: frequency, depth, keywords and content. Each context also carries the dominant frequency of the whole path: the one that most contexts have. A step that cannot be answered is an error, and the others are served.')
            Parameters  = @{ LayerId = 'The steps of the path in order, as in D01:0.' }
            Examples    = @(
                @{ Title = 'A path of three steps'; Code = 'Get-DimensionContext D01:0, D02:1, D05:0'; Remarks = 'One context per step, in order.' }
                @{ Title = 'The dominant ones'; Code = 'Get-DimensionLayer D01 | Get-DimensionContext | Where-Object IsDominant'; Remarks = 'Layers bind by their LayerId.' }
            )
            Inputs      = 'System.String'
            Links       = 'Get-DimensionLayer'
        }
        'New-ProtoDimension'      = @{
            Synopsis    = 'Begins a dimension whose entries are collected in memory.'
            Description = @('New-ProtoDimension begins a proto-dimension: entries that Add-ProtoDimensionEntry gives it are kept in pool memory of the store until Complete-ProtoDimension makes a dimension file of them, or Remove-ProtoDimension gives them up.')
            Parameters  = @{
                Name         = 'Name of the dimension to be, 1 to 64 bytes of UTF-8.'
                UserSpecific = 'Keeps the dimension in the partition for user-specific dimensions.'
            }
            Examples    = @(@{ Title = 'From nothing to a dimension'; Code = '$p = New-ProtoDimension Notes; ''Buy tea.'' | Add-ProtoDimensionEntry $p -Keywords tea; Complete-ProtoDimension $p'; Remarks = 'The dimension gets the first free number from D15 on.' })
            Links       = 'Add-ProtoDimensionEntry', 'Complete-ProtoDimension', 'Remove-ProtoDimension'
        }
        'Get-ProtoDimension'      = @{
            Synopsis    = 'Lists the proto-dimensions that are open.'
            Description = @('Get-ProtoDimension lists the proto-dimensions of a store that are neither completed nor removed, with the number of their entries and the memory they hold.')
            Parameters  = @{ Name = 'Names, in any case. Wildcards are allowed. All when omitted.' }
            Examples    = @(@{ Title = 'All that are open'; Code = 'Get-ProtoDimension'; Remarks = 'Writes nothing when there are none.' })
            Links       = 'New-ProtoDimension'
        }
        'Add-ProtoDimensionEntry' = @{
            Synopsis    = 'Adds entries to a proto-dimension.'
            Description = @('Add-ProtoDimensionEntry copies entries into pool memory. It takes the same input as New-DimensionFile. An object that is no entry is an error, and the next one is taken.')
            Parameters  = @{}
            Examples    = @(@{ Title = 'Rows of a CSV file'; Code = 'Import-Csv glossary.csv | Add-ProtoDimensionEntry Notes'; Remarks = 'An open proto-dimension may be given by its name.' })
            Inputs      = 'System.Management.Automation.PSObject'
            Links       = 'New-ProtoDimension', 'Complete-ProtoDimension'
        }
        'Complete-ProtoDimension' = @{
            Synopsis    = 'Crystallizes a proto-dimension into a dimension file.'
            Description = @('Complete-ProtoDimension writes the entries of a proto-dimension to a file in the directory of the store, loads it, and gives the pool memory back. When it fails, the proto-dimension is as it was.')
            Parameters  = @{ Id = 'The dimension it becomes, D15 or above. The first free one when omitted.' }
            Examples    = @(@{ Title = 'All that are open'; Code = 'Get-ProtoDimension | Complete-ProtoDimension'; Remarks = 'Writes the new dimensions.' })
            Inputs      = 'DimensionStore.PowerShell.ProtoDimensionInfo'
            Links       = 'New-ProtoDimension', 'Get-Dimension'
        }
        'Remove-ProtoDimension'   = @{
            Synopsis    = 'Gives up a proto-dimension.'
            Description = @('Remove-ProtoDimension gives the memory of a proto-dimension back without making a file.')
            Parameters  = @{}
            Examples    = @(@{ Title = 'By name'; Code = 'Remove-ProtoDimension Notes -WhatIf'; Remarks = 'Shows what would be done.' })
            Inputs      = 'DimensionStore.PowerShell.ProtoDimensionInfo'
            Links       = 'New-ProtoDimension'
        }
        'New-MemoryBlock'         = @{
            Synopsis    = 'Allocates blocks from an allocator, or from the pool of a store.'
            Description = @('New-MemoryBlock allocates blocks outside the managed heap. They count against the limit of the allocator or the store and stay until Remove-MemoryBlock gives them back, or the allocator is removed or the store closed.')
            Parameters  = @{
                Size   = 'Bytes of each block, 1 or more; 4KB and 64KB are numbers in PowerShell. A pool hands out the smallest of its block sizes that fits.'
                Alignment = 'The block begins at a multiple of this many bytes, a power of two. 16 by default.'
                Count  = 'How many blocks of each size. 1 by default.'
                Owner  = 'A number that tells who a block belongs to. 0, the default, is nobody in particular.'
                Zeroed = 'Sets every byte to zero. Otherwise what was there before may be seen.'
                NoGrow = 'Fails rather than take more memory from the operating system.'
            }
            Examples    = @(@{ Title = 'A block of 4 KiB'; Code = '$block = New-MemoryBlock 4KB -Zeroed; $block | Remove-MemoryBlock'; Remarks = 'What is allocated is given back.' })
            Inputs      = 'System.Int64'
            Links       = 'Remove-MemoryBlock', 'Set-MemoryBlockContent', 'Get-MemStats'
        }
        'Get-MemoryBlock'         = @{
            Synopsis    = 'Lists the blocks of an allocator, or of a store, that are in use.'
            Description = @('Get-MemoryBlock lists the blocks of an allocator, or of the pool of a store, that are in use. Of a pool these are those of New-MemoryBlock, and with the owner -1 those that the store itself holds for proto-dimensions and decompressed layers: these cannot be read, written or removed.', 'Age and AllocatedAt say when a block was allocated, where the allocator keeps a clock: with -Diagnostic, for one.')
            Parameters  = @{
                Address = 'Addresses of the first byte. All blocks when omitted.'
                Owner   = 'Only blocks with these numbers as owner.'
            }
            Examples    = @(
                @{ Title = 'By size'; Code = 'Get-MemoryBlock | Group-Object UsableSize'; Remarks = 'How many blocks of each size are in use.' }
                @{ Title = 'Of an owner'; Code = 'New-MemoryBlock 1KB -Count 3 -Owner 7 -Allocator cache | Out-Null; Get-MemoryOwner cache 7 | Get-MemoryBlock'; Remarks = 'An owner brings its allocator and its number along.' }
            )
            Links       = 'New-MemoryBlock', 'Get-MemStats'
        }
        'Remove-MemoryBlock'      = @{
            Synopsis    = 'Gives blocks back to where they came from.'
            Description = @('Remove-MemoryBlock frees blocks. A block that is free already, and an address at which no block begins, are errors, as are blocks that the store itself holds; nothing is changed then.')
            Parameters  = @{}
            Examples    = @(@{ Title = 'What an owner left behind'; Code = 'Get-MemoryBlock -Owner 7 | Remove-MemoryBlock'; Remarks = 'Nothing is done when the owner has no block.' })
            Inputs      = 'DimensionStore.PowerShell.MemoryBlock'
            Links       = 'New-MemoryBlock', 'Get-MemoryBlock'
        }
        'Get-MemoryBlockContent'  = @{
            Synopsis    = 'Reads bytes of blocks.'
            Description = @('Get-MemoryBlockContent copies bytes out of blocks, as one byte array or one text per block. Bytes outside the block are refused.')
            Parameters  = @{
                Offset = 'First byte to read, from the start of the block.'
                Count  = 'How many bytes to read. To the end of the size asked for when omitted.'
                AsText = 'Writes the bytes as text, decoded as UTF-8.'
            }
            Examples    = @(@{ Title = 'Write and read'; Code = '$block = New-MemoryBlock 16 -Zeroed; Set-MemoryBlockContent $block ''hello''; Get-MemoryBlockContent $block -Count 5 -AsText; Remove-MemoryBlock $block'; Remarks = 'Writes hello.' })
            Inputs      = 'DimensionStore.PowerShell.MemoryBlock'
            Links       = 'Set-MemoryBlockContent'
        }
        'Set-MemoryBlockContent'  = @{
            Synopsis    = 'Writes bytes into blocks.'
            Description = @('Set-MemoryBlockContent copies a text (as UTF-8) or bytes into blocks. What does not fit is refused, and nothing is written.')
            Parameters  = @{
                Value  = 'What to write: a text, or bytes.'
                Offset = 'Where to write it, from the start of the block.'
            }
            Examples    = @(@{ Title = 'Bytes at an offset'; Code = '$block = New-MemoryBlock 16 -Zeroed; Set-MemoryBlockContent $block ([byte[]](1, 2, 3)) -Offset 4; Remove-MemoryBlock $block'; Remarks = 'Numbers in a list are converted to bytes.' })
            Inputs      = 'DimensionStore.PowerShell.MemoryBlock'
            Links       = 'Get-MemoryBlockContent'
        }
        'Get-MemStats'            = @{
            Synopsis    = 'Takes a snapshot of the memory of a store, or of allocators.'
            Description = @('Get-MemStats shows what a store holds: bytes charged to its limit, in use and at the peak, dimensions loaded and simulated, accesses, evictions, the blocks of the pool. Sizes are bytes. Format-List * shows every counter; Pools shows each block size, Allocators every allocator of the process.', 'With -Allocator, or where allocators but no store are open, it shows allocators instead: those of New-MemoryAllocator by their names, the pool of a store as "pool of" and its directory, by which the commands about blocks and maps find it, too. Format-List * shows every statistic; Groups, Owners and, where measured, AllocationLatency and FreeLatency say more.')
            Parameters  = @{
                All         = 'A snapshot of every open store.'
                Allocator   = 'Names of allocators, or patterns such as *; their snapshots are written instead of a store''s. Tab completes the names.'
                InputObject = 'An allocator, as New-MemoryAllocator and Get-MemoryAllocator give it.'
            }
            Examples    = @(
                @{ Title = 'All counters'; Code = 'Get-MemStats | Format-List *'; Remarks = 'The table shows the six most wanted ones.' }
                @{ Title = 'The pool'; Code = '(Get-MemStats).Pools'; Remarks = 'One line per block size.' }
                @{ Title = 'Every allocator of the process'; Code = 'Get-MemStats -Allocator *'; Remarks = 'One line per allocator, with its fragmentation.' }
            )
            Inputs      = 'DimensionStore.PowerShell.MemoryAllocatorSession', 'DimensionStore.PowerShell.DimensionStoreSession'
            Links       = 'Get-Dimension', 'Get-MemoryBlock', 'Get-MemoryAllocator', 'Get-MemoryMap'
        }
        'Get-MemoryMap'           = @{
            Synopsis    = 'Draws what is live, free and not committed in an allocator.'
            Description = @('Get-MemoryMap draws the memory of an allocator, or of the pool of a store: cells that hold blocks wholly, partly or not at all, by size class or zone, and gaps without memory. It counts the free runs, their lengths, and owners. The Text property is the drawing; -AsText writes it alone.')
            Parameters  = @{
                Cells  = 'About how many cells to draw, 16 to 65536; 1024 when omitted. More cells show smaller pieces.'
                Width  = 'Cells in a line, 8 to 512; 64 when omitted.'
                AsText = 'Writes the drawing as text instead of an object.'
            }
            Examples    = @(
                @{ Title = 'The pool of the store'; Code = 'Get-MemoryMap -AsText'; Remarks = 'Full blocks are live, dots are free.' }
                @{ Title = 'Where free memory lies'; Code = '(Get-MemoryMap -Allocator cache).FreeRuns'; Remarks = 'Free runs by length: many short ones are fragmentation.' }
            )
            Links       = 'Export-MemoryMap', 'Get-MemStats', 'Get-MemoryBlock'
        }
        'Export-MemoryMap'        = @{
            Synopsis    = 'Writes a map of an allocator as an SVG image or an HTML page.'
            Description = @('Export-MemoryMap writes what Get-MemoryMap draws as a file: an SVG image, or an HTML page with the image and its figures as tables. The pointer on a block shows address, size and owner. The file stands alone, loads nothing, and follows light or dark mode. It appears whole or not at all; an existing file is kept unless -Force is given.')
            Parameters  = @{
                Path  = 'The file to make; its name ends in .svg, .html or .htm. Taken literally.'
                Cells = 'About how many cells to draw, 16 to 65536; 6144 when omitted.'
                Force = 'Replaces an existing file.'
            }
            Examples    = @(@{ Title = 'A page about an allocator'; Code = 'Export-MemoryMap cache.html -Allocator cache'; Remarks = 'Open it with a browser.' })
            Links       = 'Get-MemoryMap', 'Get-MemStats'
        }
        'New-MemoryAllocator'     = @{
            Synopsis    = 'Makes an allocator of the off-heap toolkit.'
            Description = @(
                'New-MemoryAllocator makes an allocator for memory outside the managed heap. It reserves address space and takes memory only as blocks are asked for, up to its limit. It belongs to the process and lives until Remove-MemoryAllocator.'
                'Kinds: general (for anything), slab (small blocks of like sizes), segregated (free lists by size, with owners), buddy and zone (pages), tree (zones by rooted trees), dual (small and big objects), pool (fixed sizes), large (own pages for each block). Tab completes them.'
            )
            Parameters  = @{
                Diagnostic = 'What misuse of blocks to look for: None, what the allocator finds by itself (double and foreign frees); Tracking, exact sizes and leaks as well; Canary, also overruns, underruns and use after free; GuardPage, a page behind each block that nobody may touch: writing over the end of a block ends the process at once.'
                MeasureLatency = 'Measures how long allocating and freeing take; the properties AllocationLatency and FreeLatency show it.'
                TrimIdle   = 'Gives memory that no block has needed for about half a second back to the operating system by itself, beyond a tenth of what is in use and 1 MiB. Without it, Optimize-MemoryAllocator does that when it is called.'
                StackEvery = 'One in how many allocations has its stack recorded for reports. 0, the default, for none.'
                Kind       = 'Which allocator. Tab lists them with a description.'
                Name       = 'A name that no other allocator has. The kind and a number when omitted.'
                LimitBytes = 'The most it may commit, in bytes; 64MB is a number in PowerShell. 1 GiB by default.'
            }
            Examples    = @(
                @{ Title = 'An allocator and a block'; Code = '$a = New-MemoryAllocator general -LimitBytes 64MB; $block = New-MemoryBlock 100 -Allocator $a; $block | Remove-MemoryBlock; $a | Remove-MemoryAllocator'; Remarks = 'What is allocated is given back.' }
                @{ Title = 'By name'; Code = 'New-MemoryAllocator slab scratch; New-MemoryBlock 64 -Count 1000 -Allocator scratch | Out-Null; Get-MemoryAllocator scratch'; Remarks = 'Cmdlets take the object or the name.' }
            )
            Links       = 'Get-MemoryAllocator', 'Remove-MemoryAllocator', 'New-MemoryBlock', 'about_DimensionStore_Allocators'
        }
        'Get-MemoryAllocator'     = @{
            Synopsis    = 'Lists the allocators of this process.'
            Description = @('Get-MemoryAllocator lists what New-MemoryAllocator has made and Remove-MemoryAllocator has not yet removed. Statistics holds every counter.')
            Parameters  = @{ Name = 'Names or patterns. All allocators when omitted.' }
            Examples    = @(@{ Title = 'Every counter of one'; Code = '(Get-MemoryAllocator cache).Statistics'; Remarks = 'As of now.' })
            Inputs      = 'System.String'
            Links       = 'New-MemoryAllocator', 'Get-MemStats'
        }
        'Reset-MemoryAllocator'   = @{
            Synopsis    = 'Frees every block of allocators at once.'
            Description = @('Reset-MemoryAllocator frees all blocks that are in use. Their addresses are not valid afterwards, so it asks first; -Confirm:$false does not.')
            Parameters  = @{}
            Examples    = @(@{ Title = 'Without being asked'; Code = 'Reset-MemoryAllocator cache -Confirm:$false'; Remarks = 'The memory stays with the allocator; Optimize-MemoryAllocator gives it back.' })
            Inputs      = 'DimensionStore.PowerShell.MemoryAllocatorSession', 'System.String'
            Links       = 'Optimize-MemoryAllocator', 'Remove-MemoryAllocator'
        }
        'Optimize-MemoryAllocator' = @{
            Synopsis    = 'Gives free memory of allocators back to the operating system.'
            Description = @('Optimize-MemoryAllocator gives back what holds no block: whole pages, chunks or slabs. Blocks in use stay where they are.')
            Parameters  = @{ Defragment = 'Brings free memory together first. Only an allocator of the kind tree can, and it moves only blocks that a program holds by movable handles.' }
            Examples    = @(
                @{ Title = 'All allocators'; Code = 'Get-MemoryAllocator | Optimize-MemoryAllocator'; Remarks = 'One object per allocator, with the bytes given back.' }
                @{ Title = 'Defragment zones'; Code = 'New-MemoryAllocator tree zones | Optimize-MemoryAllocator -Defragment'; Remarks = 'RecoveredBytes says what moving has brought.' }
            )
            Inputs      = 'DimensionStore.PowerShell.MemoryAllocatorSession', 'System.String'
            Links       = 'Reset-MemoryAllocator', 'Get-MemoryAllocator'
        }
        'Test-MemoryAllocator'    = @{
            Synopsis    = 'Checks what allocators keep about their blocks.'
            Description = @('Test-MemoryAllocator checks every invariant of an allocator: its lists, counters and states. A violated one is a result whose IsIntact is false, with a sentence for each.', 'With a -Diagnostic it also looks at the guards of every block. Findings has an object for each misuse found since the allocator was made, with address, size, owner and the line of the script that allocated the block; IsIntact is false when there is one. What other commands find, when they free blocks or give memory back, they write as the error MemoryFault, and Findings keeps it.')
            Parameters  = @{ Quiet = 'Writes true or false alone.' }
            Examples    = @(@{ Title = 'All allocators'; Code = 'Get-MemoryAllocator | Test-MemoryAllocator'; Remarks = 'One object per allocator.' })
            Inputs      = 'DimensionStore.PowerShell.MemoryAllocatorSession', 'System.String'
            Links       = 'Get-MemoryAllocator'
        }
        'Remove-MemoryAllocator'  = @{
            Synopsis    = 'Disposes allocators and gives all their memory back.'
            Description = @('Remove-MemoryAllocator gives the memory of allocators back to the operating system. Blocks that are still in use become invalid; a warning says how many there were, and where the allocator has a -Diagnostic, one for each of the first ten names it with address, size, owner and the line of the script that allocated it.', 'Damage that is found only then is an error, MemoryFault.')
            Parameters  = @{ PassThru = 'Writes the allocators after they were removed. Leaks lists the blocks that were in use, Findings the misuse that was found.' }
            Examples    = @(
                @{ Title = 'All of them'; Code = 'Get-MemoryAllocator | Remove-MemoryAllocator'; Remarks = 'Remove-Module does the same.' }
                @{ Title = 'Who left blocks behind'; Code = 'New-MemoryAllocator general jobs -Diagnostic Tracking | Out-Null; New-MemoryBlock 100 -Owner 7 -Allocator jobs | Out-Null; (Remove-MemoryAllocator jobs -PassThru).Leaks'; Remarks = 'One object per block, with Site, AllocatedAt and, with -StackEvery, Stack.' }
            )
            Inputs      = 'DimensionStore.PowerShell.MemoryAllocatorSession', 'System.String'
            Links       = 'New-MemoryAllocator'
        }
        'Measure-AllocationTrace' = @{
            Synopsis    = 'Replays allocation traces through an allocator and measures it.'
            Description = @(
                'Measure-AllocationTrace does with an allocator what a real program did with its own, as a trace recorded it (ALTRACE1, plain or gzip), and measures time per operation, memory at the peak, fragmentation and bookkeeping. One pass writes and checks every byte of every block; the passes against the clock follow.'
                'The time has the cost of the replay itself in it, which is given as ReplayOverheadNs. A trace that is damaged, and one that asks more than the allocator can do, is an error that names the record.'
            )
            Parameters  = @{
                Path       = 'Allocation traces. Wildcards are allowed.'
                Allocator  = 'The kind of allocator, as for New-MemoryAllocator; general when omitted. A fresh one is made for each trace.'
                LimitBytes = 'The most the allocator may commit. When omitted, enough for any allocator to follow the trace.'
                Passes     = 'Passes against the clock, of which the median counts: 9 when omitted. 0 measures memory only.'
            }
            Examples    = @(
                @{ Title = 'A recorded program'; Code = 'Measure-AllocationTrace redis.altrace.gz slab'; Remarks = 'Time, memory and fragmentation.' }
                @{ Title = 'Memory alone, of many traces'; Code = 'Get-ChildItem traces | Measure-AllocationTrace -Allocator buddy -Passes 0 | Sort-Object ResidentOverLive'; Remarks = 'The thriftiest first.' }
            )
            Inputs      = 'System.String'
            Links       = 'Compare-MemoryAllocator', 'New-MemoryAllocator'
        }
        'Compare-MemoryAllocator' = @{
            Synopsis    = 'Compares allocators on allocation traces.'
            Description = @('Compare-MemoryAllocator replays each trace through each allocator, as Measure-AllocationTrace does, and times the allocator of the system beside them. TimeRatio is the time over that of the system: below 1 is faster. An allocator that cannot follow a trace is an error, and the others go on.')
            Parameters  = @{
                Path       = 'Allocation traces. Wildcards are allowed.'
                Allocator  = 'The kinds of allocators to compare; all when omitted.'
                LimitBytes = 'The most each allocator may commit. When omitted, enough for any allocator to follow the trace.'
                Passes     = 'Passes against the clock, of which the median counts: 9 when omitted. 0 measures memory only.'
            }
            Examples    = @(
                @{ Title = 'All of them'; Code = 'Compare-MemoryAllocator redis.altrace.gz | Sort-Object NsPerOperation'; Remarks = 'The fastest first.' }
                @{ Title = 'Two of them, memory only'; Code = 'Compare-MemoryAllocator traces/*.gz -Allocator pool, buddy -Passes 0'; Remarks = 'Two objects for each trace.' }
            )
            Inputs      = 'System.String'
            Links       = 'Measure-AllocationTrace', 'New-MemoryAllocator'
        }
        'Register-MemoryPressureEvent' = @{
            Synopsis    = 'Subscribes to the memory pressure of an allocator or a store.'
            Description = @(
                'Register-MemoryPressureEvent makes an event of PowerShell each time the memory charged to an allocator, or to a store, passes one of its thresholds, upwards or downwards: 60, 80 and 95 percent of the limit for a segregated allocator, 75, 85 and 95 for the others, as set for a store. In the action, $Event.SourceEventArgs has Previous, Current, UsedBytes and LimitBytes.'
                'Without -Action events wait in the queue of Get-Event and Wait-Event. Unregister-Event ends the subscription.'
            )
            Parameters  = @{
                Action           = 'What to run for each event. It runs when PowerShell is idle or a command has ended, as for every event of PowerShell.'
                SourceIdentifier = 'Name of the subscription. MemoryPressure:, followed by the name of the allocator or the directory of the store, when omitted.'
                MessageData      = 'Anything; the action finds it in $Event.MessageData.'
            }
            Examples    = @(
                @{ Title = 'Give memory back when it gets tight'; Code = 'Register-MemoryPressureEvent -Allocator cache -Action { if ($Event.SourceEventArgs.Current -ge ''Critical'') { Optimize-MemoryAllocator cache } }'; Remarks = 'Writes the job that runs the action.' }
                @{ Title = 'Wait for pressure'; Code = 'Register-MemoryPressureEvent -SourceIdentifier tight; Wait-Event tight -Timeout 0; Unregister-Event tight'; Remarks = 'That of the store opened last.' }
            )
            Links       = 'New-MemoryAllocator', 'Open-DimensionStore'
        }
        'Get-MemoryOwner'         = @{
            Synopsis    = 'Shows what the owners of blocks have in allocators.'
            Description = @('Get-MemoryOwner shows, for each number that blocks were allocated with as -Owner, how much it has, has had at most and may have.')
            Parameters  = @{ Owner = 'Numbers of owners. All that are known when omitted.' }
            Examples    = @(@{ Title = 'Who has how much'; Code = 'New-MemoryBlock 1KB -Count 3 -Owner 7 -Allocator cache | Out-Null; Get-MemoryOwner cache'; Remarks = 'One line per owner.' })
            Inputs      = 'DimensionStore.PowerShell.MemoryAllocatorSession', 'System.String'
            Links       = 'Set-MemoryOwner', 'Clear-MemoryOwner', 'New-MemoryBlock'
        }
        'Set-MemoryOwner'         = @{
            Synopsis    = 'Limits what owners may have, or says that they have ended.'
            Description = @('Set-MemoryOwner sets the most that owners may have in an allocator; a block beyond it is refused with the error LimitExceeded. Blocks they have already stay. With -Ended it says that owners have come to their end, so that Invoke-MemoryCollection may free what they left; an owner that has ended gets no blocks until a limit is set for it again, with which it starts anew. An owner that the allocator does not know can be limited beforehand, but not ended. Several allocators may be given.')
            Parameters  = @{
                Owner      = 'Numbers of owners, 1 or more, as blocks are allocated with.'
                LimitBytes = 'The most each of them may have, in bytes.'
                Ended      = 'Says that the owners have ended.'
            }
            Examples    = @(@{ Title = 'A quota'; Code = 'Set-MemoryOwner cache 7 1MB -PassThru'; Remarks = 'Owner 7 gets no block that would make it more than 1 MiB.' })
            Inputs      = 'DimensionStore.PowerShell.MemoryOwner'
            Links       = 'Get-MemoryOwner', 'Invoke-MemoryCollection'
        }
        'Clear-MemoryOwner'       = @{
            Synopsis    = 'Frees every block of owners.'
            Description = @('Clear-MemoryOwner frees all blocks of owners in an allocator, or in several. Their addresses are not valid afterwards.')
            Parameters  = @{ Owner = 'Numbers of owners, 1 or more, as blocks are allocated with.' }
            Examples    = @(@{ Title = 'What an owner left behind'; Code = 'New-MemoryBlock 1KB -Count 3 -Owner 7 -Allocator cache | Out-Null; Clear-MemoryOwner cache 7'; Remarks = 'Nothing is done when it has no block any more; an owner that never had one is the error OwnerNotFound.' })
            Inputs      = 'DimensionStore.PowerShell.MemoryOwner'
            Links       = 'Get-MemoryOwner'
        }
        'Invoke-MemoryCollection' = @{
            Synopsis    = 'Collects what nobody can use any more.'
            Description = @(
                'Invoke-MemoryCollection frees the blocks of owners that have ended and of handles that are lost, merges free blocks and gives memory back. Blocks of owners that live are never touched. An allocator of the kind segregated can collect.'
            )
            Parameters  = @{
                Strategy       = 'Global, the default: all owners. Threshold: owners with more than 50 MiB. Unreferenced: what has lost its owner or handle, without giving memory back.'
                ThresholdBytes = 'Collects from owners that have at least this many bytes.'
                Owner          = 'Collects from this owner alone.'
            }
            Examples    = @(@{ Title = 'After an owner has ended'; Code = 'New-MemoryAllocator segregated jobs | Out-Null; New-MemoryBlock 1KB -Count 10 -Owner 3 -Allocator jobs | Out-Null; Set-MemoryOwner jobs 3 -Ended; Invoke-MemoryCollection jobs'; Remarks = 'Frees the ten blocks.' })
            Inputs      = 'DimensionStore.PowerShell.MemoryAllocatorSession', 'System.String'
            Links       = 'Set-MemoryOwner', 'Optimize-MemoryAllocator'
        }
    }
}
